"""The table of adversarial cases, run with this plugin and with Snakemake's own cache."""

import re
from collections import Counter
from pathlib import Path

import pytest

from .cases import CASES, markdown, unobserved
from .harness import OURS, PEER, UNOBSERVED, World, grade, is_right
from .step import Case

NOT_TRACED = re.compile(r"run:|script:|wrapper:|shell\.")  # not run by bash


USUAL = 6  # one case of so many is run by default


def parameters(cases: list[Case], usual: int) -> list:
    return [
        pytest.param(
            case,
            id=case.name.replace(" ", "-"),
            marks=() if number % usual == 0 else pytest.mark.slow,
        )
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", parameters(CASES, USUAL))
def test_ours(case: Case, tmp_path: Path, environment: dict[str, str]) -> None:
    world = World(tmp_path, OURS, environment)
    for step in case.steps:
        outcome = world.run(step)
        print(outcome.printed)
        assert outcome.failed == step.fails
        assert is_right(step, world.results)
        assert outcome.computed == Counter(step.runs)
        if not NOT_TRACED.search(step.rules):
            assert outcome.shells == len(step.runs) + step.fails


@pytest.mark.peer
@pytest.mark.parametrize("case", parameters([case for case in CASES if case.peer], 1))
def test_peer(case: Case, tmp_path: Path, environment: dict[str, str]) -> None:
    assert grade(case, World(tmp_path, PEER, environment)) == case.peer


@pytest.mark.peer
@pytest.mark.parametrize("case", parameters(CASES, 1))
def test_unobserved(case: Case, tmp_path: Path, environment: dict[str, str]) -> None:
    assert grade(case, World(tmp_path, UNOBSERVED, environment)) == unobserved(case)


def test_documentation_has_the_table() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reuse-cases.md").read_text()
    assert markdown() in document, "python -m tests.reuse.cases prints the table"
