"""The other side of the law of rest: what a job was seen to read changes, and it runs again."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .changes import CHANGES
from .world import WORKFLOWS, Run, World, marks

pytestmark = pytest.mark.xdist_group("rest-reads")

_PROGRAM = "#include <stdio.h>\nint main() {{ {body} return 0; }}\n"
_READS = 'FILE *f = fopen("{path}", "r"); int c; while ((c = getc(f)) != EOF) putchar(c);'
# They are changed in turn, so that each run shows which of them run for another's sake.
_FIRST = sorted(CHANGES)[::2]
_SECOND = sorted(CHANGES)[1::2]


@dataclass
class Righted:
    """What happened: at first, again, after each half of the changes, and after all were undone."""

    first: Run
    again: Run
    changed: tuple[Run, Run]
    undone: Run
    clone: Run
    before: dict[str, str]
    after: dict[str, str]


class Programs:
    """Compiled programs of a lab: one that needs a library beside it, and a static one."""

    def __init__(self, lab: Path) -> None:
        self._bin = lab / "bin"
        library = self._bin / "linked.c"
        library.write_text("void say(void);\nint main() { say(); return 0; }\n")
        self.library("old")
        self._compile("-o", "linked_program", library, "-L.", "-lsay", "-Wl,-rpath,$ORIGIN")
        static = self._bin / "static.c"
        static.write_text(_PROGRAM.format(body=_READS.format(path=lab / "share" / "of_static")))
        self._compile("-static", "-o", "static_program", static)

    def library(self, text: str) -> None:
        """Build the library anew."""
        source = self._bin / "library.c"
        source.write_text(f'#include <stdio.h>\nvoid say(void) {{ puts("{text}"); }}\n')
        self._compile("-shared", "-fPIC", "-o", "libsay.so.new", source)
        (self._bin / "libsay.so.new").replace(self._bin / "libsay.so")

    def _compile(self, *arguments: str | Path) -> None:
        subprocess.run(["gcc", *map(str, arguments)], cwd=self._bin, check=True)


@pytest.fixture(scope="module")
def righted(tmp_path_factory: pytest.TempPathFactory, user: dict[str, str]) -> Righted:
    """Run the workflow, change what its rules read in two halves, and undo all of it."""
    if not shutil.which("gcc"):
        pytest.skip("it needs a C compiler")
    world = World(tmp_path_factory.mktemp("right"), "reads", user, "auto")
    programs = Programs(world.root / "lab")

    def change(rules: list[str], is_new: bool) -> None:
        for rule in rules:
            name, old, new = CHANGES[rule]
            text = new if is_new else old
            if rule == "rpath":
                programs.library(text)
            else:
                world.write(name, text)
                if text.startswith("#!"):
                    world.path(name).chmod(0o755)

    def results() -> dict[str, str]:
        return {rule: world.read(f"results/{rule}") for rule in CHANGES}

    change(sorted(CHANGES), is_new=False)
    first, again = world.run(), world.run()
    assert not first.failed, first.about
    before = results()
    change(_FIRST, is_new=True)
    changed = world.run()
    change(_SECOND, is_new=True)
    changed = changed, world.run()
    after = results()
    change(sorted(CHANGES), is_new=False)
    undone = world.run()
    world.clone()
    change(sorted(CHANGES), is_new=False)
    return Righted(first, again, changed, undone, world.run(), before, after)


@pytest.mark.parametrize("rule", marks(WORKFLOWS / "reads"))
def test_rests(righted: Righted, rule: str) -> None:
    """Nothing changed, or all was undone: nothing runs, here and in a clone."""
    assert righted.first.computed[rule] == 1 + (rule == "control"), righted.first.about
    assert not righted.again.computed[rule], righted.again.about
    assert not righted.undone.computed[rule], righted.undone.about
    assert not righted.clone.computed[rule], righted.clone.about


@pytest.mark.parametrize("rule", sorted(CHANGES))
def test_runs_again(righted: Righted, rule: str) -> None:
    """What a job read changed: that job runs again, at that time, and makes something new."""
    turn = int(rule in _SECOND)
    assert righted.changed[turn].computed[rule] == 1, righted.changed[turn].about
    assert not righted.changed[1 - turn].computed[rule], righted.changed[1 - turn].about
    assert righted.before[rule] != righted.after[rule]


def test_nothing_else_runs(righted: Righted) -> None:
    """Rules that read nothing are left alone."""
    for run, rules in zip(righted.changed, (_FIRST, _SECOND), strict=True):
        assert set(+run.computed) == set(rules), run.about
