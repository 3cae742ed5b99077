"""Claims from run to run: with one process for all jobs, with one for each, and killed ones."""

import json

import pytest

from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims


def claim(letter, time=1):
    return Claim(Version(letter * 64, "file", 1), time, f"key {letter}")


@pytest.fixture
def begin(tmp_path):
    """Begin a run: its main process, which runs all jobs itself or not."""

    def begin(is_alone=True, taken_up=True):
        claims = Claims(tmp_path, is_alone)
        claims.load()
        if taken_up:
            claims.save({}, [])
            claims.take_up()
        return claims

    return begin


@pytest.fixture
def job(tmp_path):
    """The process of a job of the run that was begun last."""

    def job():
        claims = Claims(tmp_path, is_alone=False)
        claims.load(join=True)
        return claims

    return job


def versions(claims, *names):
    return [found.version.digest[0] if (found := claims.get(name)) else None for name in names]


def test_the_next_run_knows_what_the_last_one_made(begin):
    first = begin()
    for name in "abc":
        first.put(name, claim(name))
    first.put("a", claim("d"))
    assert versions(begin(), *"abcx") == ["d", "b", "c", None]
    assert versions(begin(), *"abcx") == ["d", "b", "c", None]  # from the summary


def test_a_run_knows_what_it_made_itself(begin):
    begin().put("a", claim("a"))
    run = begin()
    assert run.made_in_this_run("a") is None
    run.put("a", claim("b"))
    assert run.made_in_this_run("a") == claim("b")
    assert run.known("a").version == claim("a").version


def test_what_is_given_up_stays_given_up(begin):
    begin().put("a", claim("a"))
    begin().put("a", Claim(None, 2))
    assert begin().get("a").version is None


@pytest.mark.parametrize("cut", [1, 30])
def test_a_run_that_was_killed_loses_no_more_than_its_last_claim(begin, tmp_path, cut):
    run = begin()
    run.put("a", claim("a"))
    run.put("b", claim("b"))
    journal = tmp_path / "claims.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert versions(begin(), "a", "b") == ["a", "b" if cut == 1 else None]


def test_a_claim_that_is_no_claim_is_left_out(begin, tmp_path):
    run = begin()
    run.put("a", claim("a"))
    with (tmp_path / "claims.jsonl").open("a") as journal:
        for row in ([], {}, {"path": "b"}, {"path": "b", "version": {}}, 7):
            journal.write(json.dumps(row) + "\n")
    run.put("c", claim("c"))
    assert versions(begin(), "a", "b", "c") == ["a", None, "c"]


def test_the_main_process_sees_what_processes_of_jobs_made(begin, job):
    main = begin(is_alone=False)
    job().put("a", claim("a"))
    assert main.made_in_this_run("a").version == claim("a").version
    job().put("a", claim("b"))
    assert main.made_in_this_run("a").version == claim("b").version
    assert versions(begin(is_alone=False), "a") == ["b"]


def test_the_process_of_a_job_sees_what_the_main_process_made(begin, job):
    main = begin()
    main.put("a", claim("a"))
    assert job().made_in_this_run("a") is None  # its own main process is the only other one
    assert versions(job(), "a") == ["a"]


def test_the_process_of_a_job_knows_what_others_are_about_to_make(begin, job):
    begin()
    assert job().made == frozenset()
    main = begin()
    main.save({}, forced=["a"], made=["a", "b"])
    assert (job().made, job().forced) == ({"a", "b"}, {"a"})
    assert main.made == begin().made == frozenset()  # these know their own DAG


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("taken_up", [True, False])
def test_what_was_said_last_counts_whoever_runs_jobs(begin, first, taken_up):
    begin(is_alone=first).put("a", claim("a"))
    begin(not first, taken_up).put("a", claim("b"))
    assert versions(begin(first, taken_up=False), "a") == ["b"]
    begin(first, taken_up).put("a", claim("c"))
    assert versions(begin(not first), "a") == ["c"]
    assert versions(begin(first), "a") == ["c"]
