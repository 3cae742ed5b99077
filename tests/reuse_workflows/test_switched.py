"""Params that are switched back after something else came to be in the place of an output."""

import pytest

from .conftest import IN_STORE

_RULES = """
    V = config.get("num", 1)

    rule all:
        input: "s.txt", "i.done"

    rule d:
        output: {output}
        params: v=V
        shell: "ran d; {make}"

    rule s:
        input: {d}
        output: "s.txt"
        shell: "ran s; {read} > {{output}}"

    rule i:
        input: {d}, "s.txt"
        output: touch("i.done")
        shell: "ran i; {change}"
    """
_DIRECTORY = {
    "output": 'directory("d")',
    "d": '"d"',
    "make": "mkdir -p d; echo {params.v} > d/main",
    "read": "cat d/main",
    "change": "cp d/main d/main.idx",
}
_FILE = {
    "output": '"d.txt"',
    "d": '"d.txt"',
    "make": "echo {params.v} > {output}",
    "read": "cat d.txt",
    "change": "echo idx >> d.txt",
}


@pytest.mark.parametrize("how", [_DIRECTORY, _FILE], ids=["directory", "file"])
def test_what_others_changed_makes_way_when_a_param_is_switched(project, how):
    """As where Snakemake lets its job run."""
    project.write(_RULES.format(**how))
    for number in "1221":
        project.run(*IN_STORE, "--config", f"num={number}")
        assert project.read("s.txt").split() == [number]


def test_an_edited_output_makes_way_when_its_param_is_switched(project):
    project.write(_RULES.format(**_FILE | {"change": "true"}))
    for number in "12":
        assert "d" in project.run(*IN_STORE, "--config", f"num={number}").computed
    project.write("2 edited\n", "d.txt")
    assert project.run(*IN_STORE, "--config", "num=2").computed == ["i", "s"]
    assert project.read("s.txt") == "2 edited\n"
    assert project.run(*IN_STORE, "--config", "num=2").did_nothing
    assert project.run(*IN_STORE, "--config", "num=1").computed == []
    assert project.read("d.txt") == project.read("s.txt") == "1\n"
    assert project.run(*IN_STORE, "--config", "num=1").did_nothing
