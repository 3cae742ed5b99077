"""What jobs make without declaring it: which of several versions a reader finds."""

import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.products import (
    Products,
    absolute,
    makers_past_flags,
)
from snakemake_storage_plugin_seqstore.workflow.side_files import SideFiles

KNOWS_NOTHING = SimpleNamespace(**dict.fromkeys(("claims", "left", "sought", "stores", "contents")))


class Job:
    """As much of a job as is asked for."""

    def __init__(self, dependencies, name, *before):
        self.dag = SimpleNamespace(dependencies=dependencies)
        self.output = [f"{name}.done"]
        self.input = [file for job in before for file in job.output]
        dependencies[self] = {job: {*job.output} for job in before}

    def products(self):
        return self.output


def version(digit):
    return Version(digit * 64, "file", 3)


@pytest.fixture
def jobs():
    dependencies = {}
    init = Job(dependencies, "init")
    first = Job(dependencies, "first", init)
    gate = Job(dependencies, "gate", first)
    second = Job(dependencies, "second", gate, init)
    reader = Job(dependencies, "reader", second)
    other = Job(dependencies, "other", init)
    both = Job(dependencies, "both", second, other, init)
    named = {"init": init, "first": first, "gate": gate, "second": second, "reader": reader}
    return SimpleNamespace(**named, other=other, both=both)


@pytest.fixture
def products(jobs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Products({*vars(jobs).values()}, (), 0)


def test_the_nearest_job_before_a_reader_counts(jobs, products):
    path = os.path.abspath("t.db")
    for job, digit in ((jobs.init, "0"), (jobs.first, "1"), (jobs.second, "2")):
        products.add_undeclared(job, {"t.db": version(digit)})
    assert products.before(path, jobs.first) == [version("0")]
    assert products.before(path, jobs.gate) == [version("1")]
    assert products.before(path, jobs.second) == [version("1")]  # though it names both
    assert products.before(path, jobs.reader) == [version("2")]
    assert products.before(path, jobs.init) == [version("2"), version("1")]  # in no order
    products.add_undeclared(jobs.other, {"t.db": version("4")})
    assert products.before(path, jobs.both) == [version("4"), version("2")]
    assert products.before(path, jobs.gate, {jobs.first: version("3")}) == [version("3")]


def test_what_a_job_does_not_make_any_more_is_forgotten(jobs, products):
    products.add_undeclared(jobs.init, {"a": version("0"), "b": version("0")})
    products.add_undeclared(jobs.first, {"a": version("1")})
    assert products.made_with(os.path.abspath("a")) == {*map(os.path.abspath, "ab")}
    products.add_undeclared(jobs.init, {"a": version("2")})
    assert products.before(os.path.abspath("a"), jobs.reader) == [version("1")]
    assert products.before(os.path.abspath("b"), jobs.reader) == []


def test_what_was_known_before_the_dag_changed(jobs, products):
    products.add_undeclared(jobs.init, {"a": version("0")})
    products.switched |= {jobs.init, jobs.other}
    again = Products({jobs.init, jobs.first}, (), 0, products)
    assert again.made_by == {jobs.init: {os.path.abspath("a"): version("0")}}
    assert again.switched == {jobs.init}


def test_a_job_that_is_met_by_a_file_before_it_is_met_by_a_flag():
    dependencies = {}
    init = Job(dependencies, "init")
    maker = Job(dependencies, "maker", init)
    gate = Job(dependencies, "gate")
    reader = Job(dependencies, "reader")
    dependencies[reader] = {maker: {"data"}, gate: {"flag"}}
    dependencies[gate] = {maker: {"flag"}}
    assert [*makers_past_flags([reader], lambda _, file: file == "flag")] == [maker, gate, init]
    assert [*makers_past_flags([reader], lambda _, file: False)] == [maker, gate]


def test_jobs_end_while_another_one_starts(jobs, products):
    side_files = SideFiles({}, products, KNOWS_NOTHING)
    products.add_undeclared(jobs.init, {"a": version("0"), "b": version("0")})
    missing = side_files.missing(jobs.reader)
    first = next(missing)
    products.add_undeclared(jobs.first, {"c": version("1")})
    found = {path: made for path, made, _ in (first, *missing)}
    assert found == {os.path.abspath(name): version("0") for name in "ab"}


def test_a_file_is_brought_once(jobs, products):
    side_files = SideFiles({}, products, KNOWS_NOTHING)
    products.add_undeclared(jobs.second, {"a": version("0")})
    products.add_undeclared(jobs.other, {"a": version("1")})
    missing = side_files.missing(jobs.both)
    assert next(missing) == (os.path.abspath("a"), version("1"), None)
    with open("a", "w"):
        assert next(missing, None) is None
    assert not list(side_files.missing(jobs.both))


@given(st.text("a./ b", min_size=1))
def test_an_absolute_path(path):
    assert absolute(path, "/x/y") == os.path.normpath(os.path.join("/x/y", path))
