"""The law of rest: what ran to its end has nothing to do, here and in a clone.

One run of a workflow tries many rules, each a kind of its own; a test that fails names it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .changes import TOLD, TOLD_AGAIN, UNSEEN
from .world import WORKFLOWS, Run, World, marks

# What is made again in a clone: it takes its input away, or its output is in no store.
MADE_IN_CLONE = {
    "shapes": {"moved_input"},
    "named": {
        *("local_of_temp", "local_temp", "from_local_temp", "flag_reader", "log_reader", "part"),
        *("gathered", "dir_reader", "listing", "benched", "leftover_copy", "group_reader"),
    },
}
# These fail once, are repeated, or stand for several jobs.
OFTEN = {"attempt", "per", "trim", "sort", "part", "benched"}


@dataclass
class Rested:
    """What happened to a workflow."""

    first: Run
    again: Run
    clone: Run
    clone_again: Run
    told: Run | None = None
    untold: Run | None = None
    changed: Run | None = None


def _workflows() -> list[tuple[str, str]]:
    names = sorted(path.parent.name for path in WORKFLOWS.glob("*/Snakefile"))
    names.remove("reads")
    return [(name, observe) for name in names for observe in ("auto", "off")]


def _params() -> list[object]:
    """Each rule of each workflow; one process has all of a workflow's."""
    return [
        pytest.param(
            (name, observe),
            rule,
            id=f"{name}-{observe}-{rule}",
            marks=pytest.mark.xdist_group(f"rest-{name}-{observe}"),
        )
        for name, observe in _workflows()
        for rule in marks(WORKFLOWS / name)
    ]


@pytest.fixture(scope="session")
def rested(
    tmp_path_factory: pytest.TempPathFactory, user: dict[str, str]
) -> Callable[[tuple[str, str]], Rested]:
    """Run a workflow, run it again, run it in a clone, and there after changes of no account."""
    known: dict[tuple[str, str], Rested] = {}

    def rest(which: tuple[str, str]) -> Rested:
        if which not in known:
            name, observe = which
            world = World(tmp_path_factory.mktemp("rest"), name, user, observe)
            first, again = world.run(), world.run()
            world.clone()
            clone, clone_again = world.run(), world.run()
            known[which] = Rested(first, again, clone, clone_again)
            if name == "told":
                _tell(world, known[which])
        return known[which]

    return rest


def _tell(world: World, done: Rested) -> None:
    """Change what the rules of `told` are told, undo it, and change what they are not told."""
    for name, old, new, _ in TOLD:
        world.replace(name, old, new)
    done.told = world.run()
    for name, old, new, _ in TOLD:
        world.replace(name, new, old)
    done.untold = world.run()
    world.write("README.md", "# Another readme\n")
    world.write("scripts/unrelated.py", "print('new')\n")
    world.write("scripts/unrelated.R", "print('new')\n")
    world.write("lib/unrelated.py", "X = 6\n")
    world.replace("config/config.yaml", "unrelated: 1", "unrelated: 2\nmore: [1, 2]")
    world.replace("config/config.yaml", "no: 2", "no: 3")
    world.replace("Snakefile", "rule dirname:", "rule another_name:")
    world.replace("Snakefile", "rule helper_snakemake:", "# A comment.\n\n\nrule helped:")
    world.write("more/s3.txt", "three\n")
    world.replace("config/samples.tsv", "s2\t", "s3\tmore/s3.txt\t9\t\t2022\ns2\t")
    done.changed = world.run("--cores", "3")


# These read the sheet of samples, or are of the new one.
CHANGED = {"date_column", "ordered", "per"}


@pytest.mark.parametrize(("which", "rule"), _params())
def test_rests(
    rested: Callable[[tuple[str, str]], Rested], which: tuple[str, str], rule: str
) -> None:
    """A job runs once: not again in the same directory, not in a clone, not for another's sake."""
    done = rested(which)
    assert done.first.computed[rule] == 1 or rule in OFTEN, done.first.about
    assert not done.first.failed, done.first.about
    assert not done.again.computed[rule], done.again.about
    if rule not in MADE_IN_CLONE.get(which[0], ()):
        assert not done.clone.computed[rule], done.clone.about
    if done.changed and rule not in CHANGED:
        assert not done.changed.computed[rule], done.changed.about


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(
            each, id="-".join(each), marks=pytest.mark.xdist_group(f"rest-{'-'.join(each)}")
        )
        for each in _workflows()
    ],
)
def test_nothing_is_planned(
    rested: Callable[[tuple[str, str]], Rested], which: tuple[str, str]
) -> None:
    """Snakemake says that there is nothing to be done, and what is new was made."""
    done = rested(which)
    assert done.again.did_nothing, done.again.printed
    assert done.clone_again.did_nothing, done.clone_again.printed
    if which[0] == "told":
        assert done.changed
        assert done.changed.computed["per"] == 1, done.changed.printed


@pytest.mark.parametrize(
    "observe",
    [
        pytest.param(each, marks=pytest.mark.xdist_group(f"rest-told-{each}"))
        for each in ("auto", "off")
    ],
)
def test_told(rested: Callable[[tuple[str, str]], Rested], observe: str) -> None:
    """What jobs are told changes: exactly they run again; it is undone, and nothing does."""
    done = rested(("told", observe))
    assert done.told
    assert done.untold
    expected = TOLD_AGAIN.union(*(rules for *_, rules in TOLD))
    unseen = UNSEEN if observe == "off" else set()
    assert set(+done.told.computed) == expected - unseen, done.told.about
    assert not +done.untold.computed, done.untold.about
