"""What a case consists of, and short forms for writing cases.

Each case is a few runs of Snakemake, some of them in a fresh clone. The Snakefile of a step begins
with a rule `show` (see `harness`), which brings the targets into a local file,
``result.txt``: what is compared is what a user would read there.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness import World

Expected = str | Callable[[list[str]], bool]


@dataclass(frozen=True)
class Step:
    """One run of Snakemake.

    Parameters
    ----------
    rules : str
        The rules; outputs go to the store unless they are marked `local`.
    result : str or callable
        What ``result.txt`` must contain, or what must be true of the results of all steps so far.
    runs : sequence of str
        The rules whose jobs must run, once for each job; all others must not.
    in_clone : bool
        Whether it runs in a fresh clone: the files that were written, with new times.
    files : mapping
        Files that change before it; scripts (``#!``) are executable.
    change : callable, optional
        Does what else changes before it.
    args, env : optional
        More arguments and environment variables (``{root}`` is around all clones).
    targets : sequence of str
        What `show` asks for: a path, or ``local('path')``.
    show : str
        Its command.
    fails : bool
        Whether Snakemake must fail.
    reuse : str
        More arguments of ``seqstore.reuse``.
    """

    rules: str
    result: Expected
    runs: Sequence[str] = ()
    in_clone: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    change: "Callable[[World], None] | None" = None
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    targets: Sequence[str] = ("x.txt",)
    show: str = "cat {input}"
    fails: bool = False
    reuse: str = ""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Parameters
    ----------
    name : str
        Its name, also of the test.
    title : str
        What happens, for the table in the documentation.
    steps : sequence of Step
        What is run.
    peer : str
        What Snakemake's own cache comes to: "right", "runs ..." (the right answer, but these jobs
        run though they need not), "wrong" or "fails"; empty if the case does not apply to it.
    """

    name: str
    title: str
    steps: Sequence[Step]
    peer: str = ""


def clone(rules: str, result: Expected, runs: Sequence[str] = (), **more) -> Step:
    """A step in a fresh clone."""
    return Step(rules, result, runs, in_clone=True, **more)


# What happens between two steps.


def touch_sources(world: "World") -> None:
    for path in world.directory.rglob("*.txt"):
        if path.name != "result.txt":
            path.touch()


def rewrite(name: str, content: str) -> "Callable[[World], None]":
    """Change a file and set its times back."""

    def change(world: "World") -> None:
        path = world.directory / name
        before = path.stat()
        path.write_text(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def replace_by_older(name: str, content: str) -> "Callable[[World], None]":
    def change(world: "World") -> None:
        new = world.directory / "new"
        new.write_text(content)
        os.utime(new, (1_500_000_000, 1_500_000_000))
        new.rename(world.directory / name)

    return change


def write(name: str, content: str) -> "Callable[[World], None]":
    """Write a file that does not belong to the sources, or is beside all clones."""

    def change(world: "World") -> None:
        path = world.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return change


def delete(name: str) -> "Callable[[World], None]":
    def change(world: "World") -> None:
        path = world.directory / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def publish(name: str, content: str) -> "Callable[[World], None]":
    """Publish something under a name, as somebody else would."""

    def change(world: "World") -> None:
        path = world.root / "foreign"
        path.write_text(content)
        world.store.publish("files", name, path)

    return change


def truncate(world: "World") -> None:
    for path in world.payloads():
        path.chmod(0o644)
        os.truncate(path, path.stat().st_size // 2)


def flip(world: "World") -> None:
    for path in world.payloads():
        path.chmod(0o644)
        path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))


def damage_records(world: "World") -> None:
    for path in (world.store.root / "records").rglob("*.json"):
        path.chmod(0o644)
        path.write_text(path.read_text()[:-20])


def drop(text: str) -> "Callable[[World], None]":
    """Remove the stored bytes of what contains a text, as `gc` would."""

    def change(world: "World") -> None:
        for path in world.payloads():
            if text in path.read_text():
                path.unlink()

    return change


def all_of(*changes: "Callable[[World], None]") -> "Callable[[World], None]":
    def change(world: "World") -> None:
        for each in changes:
            each(world)

    return change


ONE = {"in.txt": "one\n"}
PQ = {"p/in.txt": "p\n", "q/in.txt": "q\n"}
TOOLS = {"PATH": "{root}/bin:{PATH}"}


def shell(command: str, *lines: str, name: str = "a", output: str = "x.txt") -> str:
    """A rule without inputs."""
    more = "".join(f"    {line}\n" for line in lines)
    return f"rule {name}:\n    output: {output!r}\n{more}    shell: {command!r}\n"


def copies(
    command: str = "cat {input} > {output}",
    *lines: str,
    input: str = "local('in.txt')",
    output: str = "'x.txt'",
    name: str = "a",
) -> str:
    """A rule with an input."""
    more = "".join(f"    {line}\n" for line in lines)
    return f"rule {name}:\n    input: {input}\n    output: {output}\n{more}    shell: {command!r}\n"


def differs(first: str, second: str, result1: str, result2: str, **more) -> tuple[Step, Step]:
    """Two workflows whose rule `a` does two different things."""
    return Step(first, result1, ["a"], **more), clone(second, result2, ["a"], **more)


def rereads(
    rule: str,
    name: str,
    before: str = "one\n",
    after: str = "two\n",
    files: Mapping[str, str] | None = None,
    **more,
) -> tuple:
    """A rule that writes what is in a file that it does not declare, whose content changes.

    There may be other files that stay the same.
    """
    return (
        Step(rule, before, ["a"], files=dict(files or {}) | {name: before}, **more),
        clone(rule, before, **more),
        clone(rule, after, ["a"], files={name: after}, **more),
    )


def undeclared(
    command: str, name: str, *contents: str, files: Mapping[str, str] | None = None, **more
) -> tuple:
    """The same of a rule with an input, of which its command is given."""
    return rereads(copies(command), name, *contents, files=ONE | dict(files or {}), **more)


def by_variable(rule: str, name: str, before: str, after: str) -> tuple:
    """A rule that writes the value of an environment variable, which changes, and then back."""
    return (
        Step(rule, f"{before}\n", ["a"], env={name: before}),
        clone(rule, f"{after}\n", ["a"], env={name: after}),
        clone(rule, f"{before}\n", env={name: before}),
    )


class Table(list[Case]):
    """A part of the table."""

    def case(self, name: str, title: str, *steps: Step, peer: str = "") -> None:
        """Add a case."""
        self.append(Case(name, title, steps, peer))
