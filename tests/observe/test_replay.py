"""Thousands of jobs that are played, not run: what is said to hold must be what they would see.

A job is a list of steps. It is played in a directory: what it does is done, the events that an
observer would see are made up, and what it gets to know is noted. Then something changes, and what
the reads say is compared with what the job gets to know when it is played again.
"""

import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.observe import (
    Packages,
    Places,
    summarise,
)
from snakemake_storage_plugin_seqstore.observe.accesses import assemble
from snakemake_storage_plugin_seqstore.observe.log import Action, Event
from snakemake_storage_plugin_seqstore.observe.system_calls import Does
from snakemake_storage_plugin_seqstore.store import Reads
from tests.observe.checking import check

NAMES = ["a", "b", "c", "d/a", "d/b", "e/a", "l", "m/a"]
DIRECTORIES = [".", "d", "e"]
OLD = 1_600_000_000
PACKAGES = Packages()

Step = tuple[str, str, str]


@dataclass
class Played:
    """A job that is played in a directory."""

    root: Path
    events: list[Event] = field(default_factory=list)
    known: list[tuple[str, str, object]] = field(default_factory=list)
    wrote: set[str] = field(default_factory=set)
    clock: int = field(default_factory=lambda: time.time_ns() // 1000)

    def event(self, does: Does, name: str, other: str = "", *flags: str, error: str = "") -> None:
        self.clock += 1
        path = str(self.root / name) if name != "." else str(self.root)
        real = os.path.realpath(path) if does is Does.OPEN and not error else ""
        second = str(self.root / other) if other else ""
        self.events.append(
            Event(self.clock, 1, Action(does, path, second, real, error, frozenset(flags)))
        )

    def play(self, steps: list[Step]) -> None:
        for verb, name, other in steps:
            getattr(self, verb)(name, other)

    def read(self, name: str, other: str) -> None:
        path = self.root / name
        if path.is_file():
            self.event(Does.OPEN, name, "", "O_RDONLY")
            self.known.append(("read", name, path.read_text()))
        else:
            self.event(Does.OPEN, name, "", "O_RDONLY", error="ENOENT")
            self.known.append(("read", name, None))

    def ask(self, name: str, other: str) -> None:
        there = (self.root / name).exists()
        self.event(Does.ASK, name, error="" if there else "ENOENT")
        size = (self.root / name).stat().st_size if (self.root / name).is_file() else None
        self.known.append(("ask", name, (there, size)))

    def names(self, name: str, other: str) -> None:
        name = os.path.dirname(name) or "."
        path = self.root / name
        if not path.is_dir():
            self.event(Does.OPEN, name, "", "O_RDONLY", "O_DIRECTORY", error="ENOENT")
            self.known.append(("names", name, None))
            return
        self.event(Does.OPEN, name, "", "O_RDONLY", "O_DIRECTORY")
        self.events.append(Event(self.clock, 1, Action(Does.LIST, os.path.realpath(path))))
        names = {found for found in os.listdir(path)}
        self.known.append(("names", name, names))

    def write(self, name: str, other: str) -> None:
        if self._can_be_written(name):
            self.event(Does.OPEN, name, "", "O_WRONLY", "O_CREAT", "O_TRUNC")
            (self.root / name).write_text(f"{other} {len(self.known)}")
            self.wrote.add(name)

    def append(self, name: str, other: str) -> None:
        if self._can_be_written(name):
            self.event(Does.OPEN, name, "", "O_WRONLY", "O_CREAT", "O_APPEND")
            with (self.root / name).open("a") as file:
                file.write(other)
            self.wrote.add(name)

    def change(self, name: str, other: str) -> None:
        if not (self.root / name).is_file():
            self.event(Does.OPEN, name, "", "O_RDWR", error="ENOENT")
            self.known.append(("read", name, None))
        else:
            self.event(Does.OPEN, name, "", "O_RDWR")
            self.known.append(("read", name, (self.root / name).read_text()))
            if len(self.known) % 2:
                (self.root / name).write_text(other)
                self.wrote.add(name)

    def rename(self, name: str, other: str) -> None:
        path, to = self.root / name, self.root / other
        if name == other or path.is_dir() or not self._can_be_written(other):
            return
        error = "" if os.path.lexists(path) else "ENOENT"
        self.event(Does.RENAME, name, other, error=error)
        if not error:
            path.rename(to)
            self.wrote |= {name, other}

    def remove(self, name: str, other: str) -> None:
        path = self.root / name
        error = "" if path.is_file() or path.is_symlink() else "ENOENT"
        self.event(Does.REMOVE, name, error=error)
        if not error:
            path.unlink()
            self.wrote.add(name)

    def make(self, name: str, other: str) -> None:
        name = os.path.dirname(name) or "f"
        error = "EEXIST" if (self.root / name).exists() else ""
        self.event(Does.MAKE_DIRECTORY, name, error=error)
        if not error:
            (self.root / name).mkdir()
            self.wrote.add(name)

    def link(self, name: str, other: str) -> None:
        if (self.root / name).parent.is_dir():
            error = "EEXIST" if os.path.lexists(self.root / name) else ""
            self.event(Does.LINK_BY_NAME, name, other, error=error)
            if not error:
                (self.root / name).symlink_to(self.root / other)
                self.wrote.add(name)

    def _can_be_written(self, name: str) -> bool:
        path = self.root / name
        return path.parent.is_dir() and not path.is_dir() and not path.is_symlink()

    def found_out(self) -> list[tuple[str, str, object]]:
        """What it got to know, but for names that it wrote itself."""
        own: dict[str, set[str]] = {}
        for name in self.wrote:
            own.setdefault(os.path.dirname(name) or ".", set()).add(Path(name).name)
        return [
            (verb, name, seen - own.get(name, set()) if isinstance(seen, set) else seen)
            for verb, name, seen in self.known
        ]


def make_world(root: Path, dice: random.Random) -> None:
    root.mkdir()
    for directory in DIRECTORIES[1:]:
        if dice.random() < 0.8:
            (root / directory).mkdir()
    for name in NAMES[:6]:
        if (root / name).parent.is_dir() and dice.random() < 0.6:
            (root / name).write_text(dice.choice("xy"))
            os.utime(root / name, (OLD, OLD))


def make_job(dice: random.Random) -> list[Step]:
    verbs = ["read"] * 4 + ["ask"] * 3 + ["names"] * 2 + ["write"] * 2
    verbs += ["append", "change", "rename", "remove", "make", "link"]
    return [
        (dice.choice(verbs), dice.choice(NAMES), dice.choice(NAMES))
        for _ in range(dice.randint(1, 8))
    ]


def change_world(root: Path, dice: random.Random, avoid: set[str]) -> str:
    """Change one path; say which."""
    name = dice.choice([name for name in [*NAMES[:6], "n", "d/n"] if name not in avoid])
    path = root / name
    if not path.parent.is_dir():
        return ""
    if path.exists() and dice.random() < 0.4:
        path.unlink()
    else:
        path.write_text(dice.choice("xyz") * dice.randint(1, 2))
        os.utime(path, (OLD + 9, OLD + 9))
    return name


def places(root: Path) -> Places:
    return Places(workdir=str(root), home="/nowhere")


def reads_of(job: Played, contents: Contents) -> Reads:
    events = assemble(job.events)
    reads = summarise(events, places(job.root), contents, PACKAGES)
    assert Reads.from_json(reads.to_json()) == reads
    return reads


@pytest.mark.parametrize("block", range(8))
def test_what_holds_is_what_is_seen(block: int, quick_path: Path) -> None:
    dice = random.Random(block)
    held, different, rejected = 0, 0, 0
    for number in range(250):
        contents = Contents(FileHashes(quick_path / "digests"))
        here = quick_path / f"{number}"
        make_world(here, dice)
        clone = quick_path / f"{number}-clone"
        shutil.copytree(here, clone)
        before = {str(path.relative_to(here)) for path in here.rglob("*")}
        steps = make_job(dice)
        job = Played(here)
        job.play(steps)
        reads = reads_of(job, contents)
        story = f"block {block}, number {number}: {before} {steps} {reads}"
        if reads.rejected:
            rejected += 1
            assert any(f"{name}" in text for name in job.wrote for text in reads.rejected), story
            continue
        assert check(reads, places(here), contents, PACKAGES) == [], story  # rests where it ran
        says = check(reads, places(clone), contents, PACKAGES)  # and in a clone
        assert says == [] or job.wrote & before, story
        untouched = {step_name for _, *names in steps for step_name in names} | {
            os.path.dirname(name) or "." for verb, name, _ in steps if verb == "names"
        }
        changed = change_world(clone, dice, set(job.wrote))
        says = check(reads, places(clone), contents, PACKAGES)
        again = Played(clone)
        again.play(steps)
        same = again.found_out() == job.found_out()
        assert same or says or job.wrote & before, (
            f"{story} {changed}: {job.found_out()} {again.found_out()}"
        )
        if changed not in untouched and (os.path.dirname(changed) or ".") not in untouched:
            assert not says or job.wrote & before, f"{story} {changed}"
        held, different = held + (not says), different + (not same)
        shutil.rmtree(here)
        shutil.rmtree(clone)
    assert held > 50 and different > 25 and rejected > 10
