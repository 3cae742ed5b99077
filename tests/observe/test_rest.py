"""Real commands: their reads hold where they ran and in a clone, and not once something changed."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.observe import (
    Accesses,
    Checks,
    Observation,
    Packages,
    Places,
    probe,
    summarise,
)
from snakemake_storage_plugin_seqstore.observe.summary import TICK
from snakemake_storage_plugin_seqstore.store import Reads
from tests.observe.checking import check

PACKAGES = Packages()
OLD = 1_600_000_000


class World:
    """A working directory with files, a home and a reference elsewhere, and a clone of it."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        self.environment = environment | {"HOME": str(root / "home")}
        self.contents = Contents(FileHashes(root / "digests"))
        for name, text in {
            "w/in.txt": "in\n", "w/a.txt": "a\n", "w/b.txt": "b\n", "w/data/x.csv": "x\n",
            "w/data/y.csv": "y\n", "w/names": "a\nb\n", "ref/g.fa": "g\n", "ref/g.fa.fai": "i\n",
            "home/.toolrc": "t\n", "w/helper.py": "", "w/pack/__init__.py": "",
            "w/pack/one.py": "", "w/spread/deep/two.py": "", "w/steps/.in/run.py": "import helper",
            "w/sub/tool": "#!/bin/sh\ncat a.txt\n",
        }.items():  # fmt: skip
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (root / "w/sub/tool").chmod(0o755)
        for path in root.rglob("*"):
            os.utime(path, (OLD, OLD))
        shutil.copytree(root / "w", root / "clone")
        time.sleep(2 * TICK / 1e9)  # what came to be right before a job may be taken for its own

    def places(self, name: str = "w", **more: object) -> Places:
        work = self.root / name
        places = Places(
            workdir=str(work),
            home=str(self.root / "home"),
            inputs=(f"{work}/in.txt", f"{self.root}/ref/g.fa"),
            others=frozenset({f"{work}/out"}),
        )
        return replace(places, **more)  # type: ignore[arg-type]

    def observe(self, command: str) -> Accesses:
        observation = Observation(probe(), self.root / "observation")
        subprocess.run(
            [observation.shell, "-c", command],
            cwd=self.root / "w",
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return observation.finish()

    def run(self, command: str, **more: object) -> Reads:
        return summarise(
            self.observe(command),
            self.places(**more),
            self.contents,
            PACKAGES,
            self.environment["PATH"],
        )

    def says(self, reads: Reads, name: str = "w", **more: object) -> list[str]:
        return check(reads, self.places(name, **more), self.contents, PACKAGES)


@pytest.fixture
def world(tmp_path: Path, clean_environment: dict[str, str]) -> World:
    (tmp_path / "x").mkdir()
    return World(tmp_path / "x", clean_environment)


def write(name: str, text: str = "new") -> Callable[[World], None]:
    def change(world: World) -> None:
        (world.root / name).parent.mkdir(exist_ok=True)
        (world.root / name).write_text(text)

    return change


def remove(name: str) -> Callable[[World], None]:
    return lambda world: (world.root / name).unlink()


def mode(name: str, mode: int) -> Callable[[World], None]:
    return lambda world: (world.root / name).chmod(mode)


PY = f"{sys.executable} -c"
# What runs, what changes, and what is said about it; nothing for what does not matter.
CASES = [
    ("cat in.txt > out", write("clone/a.txt"), ""),
    ("cat a.txt > out", write("clone/a.txt"), "a.txt has changed"),
    ("cat a.txt > out", remove("clone/a.txt"), "a.txt is missing"),
    ("cat a.txt > out", write("clone/b.txt"), ""),
    ("xargs -I% cat %.txt < names > out", write("clone/b.txt"), "b.txt has changed"),
    ("test -e c.txt || cat a.txt > out", write("clone/c.txt"), "c.txt has come to be"),
    ("test -s a.txt > out", write("clone/a.txt"), "a.txt has changed"),
    ("cat a.txt > out", mode("clone/a.txt", 0o744), "a.txt has become executable"),
    ("test -x a.txt || echo > out", mode("clone/a.txt", 0o744), "a.txt has become executable"),
    ("test -x sub/tool && echo > out", mode("clone/sub/tool", 0o644), "tool is not executable"),
    ("./sub/tool > out", mode("clone/sub/tool", 0o644), "sub/tool is not executable"),
    ("ls > out", mode("clone/a.txt", 0o744), ""),
    ("cat data/*.csv > out", write("clone/data/z.csv"), "data has other files in it"),
    ("cat data/*.csv > out", write("clone/new.csv"), ""),
    ("ls > out", write("clone/new"), "the working directory has other files in it"),
    ("ls > out", write("clone/__pycache__/x.pyc"), ""),
    ("ls > out; echo >> run.log", write("clone/run.log"), ""),
    ("test -d data && echo > out", lambda world: shutil.rmtree(world.root / "clone/data"),
     "the directory data is missing"),
    ("./sub/tool > out", write("clone/sub/tool"), "sub/tool has changed"),
    ("cat ../ref/g.fa.fai > out", write("ref/g.fa.fai"), "/ref/g.fa.fai has changed"),
    ("test -e ../ref/g.fa.bai; echo > out", write("ref/g.fa.bai"), "g.fa.bai has come to be"),
    ("cat ~/.toolrc > out", write("home/.toolrc"), "~/.toolrc has changed"),
    ("test -e ~/.other; echo > out", write("home/.other"), "~/.other has come to be"),
    ("cat ~/.gitconfig; echo > out", write("home/.gitconfig"), ""),
    ("[ -e x.log ] || echo 1 > x.log; echo > out", write("clone/x.log", "1\n"), ""),
    ("[ -e x.log ] || echo 1 > x.log; echo > out", write("clone/x.log", "2\n"),
     "x.log is not what the job wrote there"),
    ("mkdir -p tmp; sort -T tmp a.txt > out", write("clone/tmp/x"), ""),
    ("echo 2> logs.txt; echo >> run.log; echo | tee qc.txt > out", write("clone/qc.txt"), ""),
    (f"{PY} 'import helper' > out", write("clone/helper.py", "1"), "helper.py has changed"),
    (f"{PY} 'import helper, json' > out", write("clone/unrelated.py"), ""),
    (f"{PY} 'import helper, json' > out", write("clone/json.py"), "has other modules in it"),
    (f"{PY} 'import pack.one' > out", write("clone/pack.py"), "has other modules in it"),
    (f"{PY} 'import spread.deep.two' > out", write("clone/spread.py"), "has other modules in it"),
    (f"PYTHONPATH=. {sys.executable} steps/.in/run.py > out", write("clone/steps.py"), ""),
    (f"PYTHONPATH=. {sys.executable} steps/.in/run.py > out", write("clone/helper.py", "1"),
     "helper.py has changed"),
    (f"{PY} 'import os; os.listdir(\".\")' > out", write("clone/unrelated.py"), "has other files"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "change", "expected"), CASES)
def test_rest(command: str, change: Callable[[World], None], expected: str, world: World) -> None:
    reads = world.run(command)
    assert Reads.from_json(reads.to_json()) == reads
    assert world.says(reads) == []  # in its own directory
    assert world.says(reads, "clone") == []  # in a clone
    change(world)
    said = world.says(reads, "clone")
    assert expected in "; ".join(said) if expected else said == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sed -i s/a/b/ a.txt", "changed in place: a.txt"),
        ("mv in.txt out", "changed in place: in.txt"),
        ("echo >> a.txt; wc a.txt > out", "changed in place: a.txt"),
        ("echo >> a.txt; sort a.txt > t; mv t a.txt", "changed in place: a.txt"),
        ("touch a.txt; sed -i s/a/b/ a.txt", "changed in place: a.txt"),
        ("echo >> a.txt; cat a.txt > out; rm a.txt; echo > a.txt", "changed in place: a.txt"),
        (f'{PY} \'open("a.txt", "r+").write("x")\'', "changed in place: a.txt"),
        (f'{PY} \'open("a.txt", "r+").read()\'', ""),
        (f"{PY} 'import os; os.open(\"lock\", os.O_RDWR | os.O_CREAT)'", ""),
        ("echo >> fresh.log; cat fresh.log > out", ""),
        ("echo >> t; sort t > out; rm t", ""),
        ("echo >> t; sort t > t2; mv t2 out; mv t t3; rm t3", ""),
        ("sqlite3 new.db 'create table x (y)' || :", ""),
        ("echo > out; echo >> out; sort -o out out", ""),
        ("cat a.txt > out; cp a.txt c.txt; gzip c.txt", ""),
    ],
)
def test_what_must_not_be_reused(command: str, expected: str, world: World) -> None:
    reads = world.run(command)
    assert reads.rejected == ((expected,) if expected else ())
    assert world.says(reads) == list(reads.rejected)


def test_a_file_that_changes_while_its_reader_runs(world: World) -> None:
    # A sibling's file, complete before it was read, may be as new as it likes.
    for command, expected in [
        ("cat late.txt; sleep 1.5", "changed while the job ran: late.txt"),
        ("sleep 1.5; cat early.txt", ""),
    ]:
        name = command.split()[-1] if command.startswith("sleep") else "late.txt"
        write(f"w/{name}")(world)
        os.utime(world.root / f"w/{name}", (OLD, OLD))
        thread = threading.Timer(0.8, write(f"w/{name}"), (world,))
        thread.start()
        assert world.run(command).rejected == ((expected,) if expected else ())
        thread.join()


def test_products(world: World) -> None:
    product = f"{world.root}/w/b.txt"
    digest = world.contents.version(product).digest
    reads = world.run("cat a.txt b.txt > out; ls > out", is_product=lambda path: path == product)
    assert reads.products == {"workdir:b.txt": digest}
    assert list(reads.files) == ["workdir:a.txt"]
    os.unlink(world.root / "clone/b.txt")  # not made yet, in a clone
    here = world.places("clone", is_product=lambda path: path.endswith("/clone/b.txt"))
    for now, expected in [(digest, []), ("0" * 64, ["b.txt has changed"])]:
        said = check(reads, here, world.contents, PACKAGES, lambda path, now=now: [now])
        assert said == expected


def test_scratch_files_leave_no_trace(world: World) -> None:
    code = "import tempfile; [tempfile.NamedTemporaryFile(dir='.').write(b'x') for _ in range(9)]"
    reads = world.run(f'{PY} "{code}"')
    assert [name for name in reads.absent if "tmp" in name and "python" not in name] == []
    assert reads.made == {}


def test_what_claims_cover_does_not_count(world: World) -> None:
    reads = world.run("ls > out; test -e old.txt")
    write("w/old.txt")(world)
    assert len(world.says(reads)) == 2
    covered = {"covered_names": lambda d: {"old.txt"} if d == f"{world.root}/w" else ()}
    assert world.says(reads, **covered) == []


def test_software(world: World, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "tool").write_text("#!/usr/bin/env perl\nprint 1;\n")
    (programs / "tool").chmod(0o755)
    world.environment["PATH"] = f"{programs}:{world.environment['PATH']}"
    reads = world.run(f"tool > out; {PY} 'import numpy'; sort a.txt")
    assert f"{programs}/tool" in reads.programs
    assert reads.files == {"workdir:a.txt": reads.files["workdir:a.txt"]}
    assert not [name for name in reads.absent if "/bin/" in name]  # lookups along the PATH
    packages = {name for packages in reads.software.values() for name in packages}
    assert "numpy" in packages
    assert not packages & {"coreutils", "bash", "libc6", "snakemake"}

    def checks(packages: Packages = PACKAGES) -> Checks:
        return Checks(world.contents, packages)

    here = world.places()
    assert checks().software(reads, here)[0] == []
    state = checks().software(reads, here)[1]
    assert state == checks(Packages()).software(reads, here)[1]
    older = {prefix: dict(packages) for prefix, packages in reads.software.items()}
    next(packages for packages in older.values() if "numpy" in packages)["numpy"] = "1.0"
    said, _ = checks().software(replace(reads, software=older), here)
    assert [text for text in said if text.startswith("numpy is ")]
    (programs / "tool").write_text("#!/usr/bin/env perl\nprint 2;\n")
    assert checks().software(reads, here)[0] == [f"the program {programs}/tool is another one"]
    assert checks().software(reads, here)[1] != state
    (programs / "tool").unlink()  # the job could not run here anyway
    assert checks().software(reads, here)[0] == []


def test_the_base_of_the_system_costs_nothing(world: World) -> None:
    packages = Packages()
    reads = summarise(
        world.observe("cat a.txt | sort | tr a b > out; awk '{print}' a.txt > /dev/null"),
        world.places(), world.contents, packages,
    )  # fmt: skip
    assert (reads.software, reads.programs, reads.system) == ({}, {}, {})
    (manager, *_) = packages._of("/")
    assert "_other_files" not in vars(manager)  # the lists of all other packages were not read


def test_equal_software_is_checked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = world.run(f"{PY} 'import numpy' > out")
    asked: list[str] = []
    version = Packages.version
    monkeypatch.setattr(
        Packages, "version", lambda self, p, n: asked.append(n) or version(self, p, n)
    )
    checks, here = Checks(world.contents, PACKAGES), world.places()
    first = checks.software(reads, here)
    number = len(asked)
    assert number
    for index in range(1000):
        assert checks.software(replace(reads, absent=(f"workdir:{index}",)), here) == first
    assert len(asked) == number
