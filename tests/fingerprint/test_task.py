"""The key, and what is the same for many jobs."""

from __future__ import annotations

import builtins
import os
import time

import pytest

from snakemake_storage_plugin_seqstore.fingerprint.script_source import read_script
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import read_command
from snakemake_storage_plugin_seqstore.fingerprint.task import Operation, Told, roles
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.fingerprint.variables import counted, locale, salted
from snakemake_storage_plugin_seqstore.provenance import NotCanonical

OPERATION = Operation("shell", {"command": "sort \0input:0\0", "shell": ("bash", "", "")})


def told(operation=OPERATION, content="a" * 64, names=("x.txt",), ranges=None, **varying):
    files = roles(names, [content] * len(names), ranges or {})
    return Told(operation, [("file", content)], {"inputs": files, **varying})


# No two of these are the same.
TOLD = [
    told(),
    told(content="b" * 64),
    told(names=("y.txt",)),
    told(names=("x.txt", "x.txt")),
    told(ranges={"a": (0, None)}),
    told(ranges={"b": (0, None)}),
    told(ranges={"a": (0, 1)}),
    told(params=(("k", 1),)),
    told(params=(("k", True),)),
    told(params=(("j", 1),)),
    told(Operation("run", OPERATION.parts)),
    told(Operation("shell", {**OPERATION.parts, "command": "sort -r"})),
    told(Operation("shell", {})),
]


def test_all_that_counts_is_in_the_key():
    assert len({each.key for each in TOLD}) == len(TOLD)
    assert told().key == told(Operation("shell", dict(OPERATION.parts))).key


def test_the_order_of_inputs_counts():
    one, two = "a" * 64, "b" * 64
    files = [("file", one), ("file", two)]
    first = Told(OPERATION, files, {"inputs": roles(["x", "y"], [one, two], {})})
    other = Told(OPERATION, files[::-1], {"inputs": roles(["x", "y"], [two, one], {})})
    assert first.key != other.key


def test_canonical_parts_are_those_of_operation_and_job():
    parts = told(params=(("k", 1),)).canonical()
    assert parts.keys() == {"operation", "command", "shell", "inputs", "params"}
    assert parts["operation"] == ["str", "shell"]


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(NotCanonical):
        _ = told(params=object()).key


def test_a_thousand_jobs_are_described_in_no_time():
    values = Values()
    start = time.process_time()
    for number in range(1000):
        params = tuple((key, values.describe(number, key)) for key in ("a", "b", "c"))
        _ = told(content=f"{number:064x}", names=(f"x{number}.txt",), params=params).key
    assert time.process_time() - start < 0.5


def test_variables_that_count():
    found = counted(
        {"MINE", "TMPDIR", "OMP_NUM_THREADS", "HOSTNAME"}, ["python3.11", "samtools"], ["R"]
    )
    assert {"MINE", "PYTHONPATH", "REF_PATH", "R_LIBS", "LD_LIBRARY_PATH"} <= {*found}
    assert {"TMPDIR", "OMP_NUM_THREADS", "HOSTNAME", "PERL5LIB"}.isdisjoint(found)
    assert found == tuple(sorted(found))
    assert "PYTHONPATH" not in counted((), ["sort"])


def test_values_of_variables_are_salted():
    found = salted(["A", "B", "NO"], {"A": "x", "B": "x", "C": "y"})
    assert found.keys() == {"A", "B", "NO"} and found["NO"] == ""
    assert found["A"] != found["B"]
    assert "x" not in found.values()
    assert found == salted(["A", "B", "NO"], {"A": "x", "B": "x"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"LANG": "C"}, True),
        ({"LANG": "C"}, {"LC_ALL": "POSIX"}, True),
        ({"LANG": "C"}, {"LANG": "C.UTF-8"}, False),
        ({"LANG": "C"}, {"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C", "LC_ALL": "de_DE.UTF-8"}, {"LANG": "de_DE.UTF-8"}, True),
    ],
)
def test_the_locale(one, other, same):
    assert (locale(one) == locale(other)) is same


@pytest.mark.parametrize(
    "command",
    ["cut -d . -f 1 x", "awk -F. '{print}' R", "python w date", "cd results/s1; echo '# results'"],
)
def test_no_file_is_looked_at(command, monkeypatch):
    read_command("true")  # loads the grammar

    def fails(*args, **options):
        raise AssertionError(f"looked at {args[0]}")

    for name in ("stat", "lstat", "open", "scandir", "listdir", "access"):
        monkeypatch.setattr(os, name, fails)
    monkeypatch.setattr(builtins, "open", fails)
    read_command.__wrapped__(command)
    read_script.__wrapped__("lm(y ~ R, sep = '.'); source('results')", "R")
    read_script.__wrapped__("open(f, 'w'); d = {'R': 1}; t['date']; d['results']", "python")
    Values().describe({"d": "results/s1", "formula": "~ condition", "~": "."}, "its param d")
