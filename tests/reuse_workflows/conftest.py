"""Workflows with reuse on, run by real Snakemake processes, that say which jobs were computed."""

import os
import shutil
import signal
import subprocess
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Store
from tests import forked
from tests.conftest import assert_no_traceback

HANGS = 300.0  # s; the longest run here takes a fraction of it
IN_STORE = ("--default-storage-provider=seqstore", "--default-storage-prefix=seqstore://files")
NOTHING = "Nothing to be done"
REUSE = "import snakemake_storage_plugin_seqstore as seqstore\nseqstore.reuse(workflow)\n"
# A user namespace takes the rights of root away but leaves this Python readable, wherever it is.
AS_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
_NOT_CLONED = (".snakemake", "computed", ".seqstore")


@dataclass
class Run:
    """What one Snakemake process did."""

    printed: str
    computed: list[str]  # jobs whose commands ran, in alphabetical order
    status: int

    @property
    def messages(self) -> list[str]:
        """What the package told the user, besides which store it uses."""
        lines = [line for line in self.printed.splitlines() if line.startswith("seqstore: ")]
        return [line for line in lines if not line.startswith("seqstore: the store is ")]

    @property
    def did_nothing(self) -> bool:
        return NOTHING in self.printed and not self.computed


class Project:
    """A workflow in a directory of its own; its commands call ``ran NAME`` to be counted."""

    def __init__(self, directory: Path, store: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.store = Store(store)
        self.prefix: tuple[str, ...] = ()
        self.environment = environment
        # Not in the working directory: what is added there is no file of the workflow.
        self.count_in(directory.parent / f"{directory.name}.computed")
        directory.mkdir(parents=True, exist_ok=True)

    def count_in(self, path: Path) -> None:
        """Let jobs be counted in another file."""
        self.computed = path
        self.environment = self.environment | {"COMPUTED": str(path)}

    def write(self, snakefile: str, name: str = "Snakefile", reuse: bool = True) -> None:
        """Write the Snakefile, or any other file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        header = REUSE if name == "Snakefile" and reuse else ""
        path.write_text(header + textwrap.dedent(snakefile))

    def start(self, *arguments: str, root: bool = True) -> forked.Process | subprocess.Popen[str]:
        """Start Snakemake in a process group of its own."""
        settings = ["--storage-seqstore-root", str(self.store.root)] if root else []
        given = ["-c2", *settings, *arguments]
        return forked.start(given, self.directory, self.environment, self.prefix)

    def finish(self, process: forked.Process | subprocess.Popen[str]) -> Run:
        """Wait for Snakemake, which never hangs; nobody ever sees a traceback."""
        try:
            printed = process.communicate(timeout=HANGS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("Snakemake hangs:\n" + process.communicate(timeout=HANGS)[0])
        assert_no_traceback(printed)
        assert "\0" not in printed
        return Run(printed, self._computed(), process.returncode)

    def run(self, *arguments: str, fails: bool = False, root: bool = True) -> Run:
        """Run Snakemake."""
        done = self.finish(self.start(*arguments, root=root))
        assert (done.status != 0) == fails, done.printed
        return done

    def interrupt(self, job: str, how: signal.Signals, *arguments: str) -> Run:
        """Run Snakemake until a job's command has begun, then stop all of it."""
        process = self.start(*arguments)
        while job not in self._begun() and process.poll() is None:
            time.sleep(0.05)
        assert process.poll() is None, process.communicate(timeout=HANGS)[0]
        os.killpg(process.pid, how)  # as Ctrl-C in a terminal does
        done = self.finish(process)
        assert done.status != 0, done.printed
        return done

    def read(self, name: str) -> str:
        """Content of a local file."""
        return (self.directory / name).read_text()

    def stored(self, name: str, collection: str = "files") -> str:
        """Content of an entry of the store."""
        entry = self.store.find(collection, name)
        assert entry is not None, f"{collection}/{name} is not in the store"
        self.store.verify(entry.version, "it")
        return self.store.objects.path(entry.version.digest).read_text()

    def drop_payload(self, name: str, collection: str = "files") -> None:
        """Let the bytes of an entry be gone, its record not."""
        entry = self.store.find(collection, name)
        assert entry is not None
        for digest in self.store.payloads(entry.version):
            self.store.objects.path(digest).unlink()

    def payloads(self) -> list[str]:
        """Contents of all payloads."""
        return sorted(
            self.store.objects.path(digest).read_text() for digest, _ in self.store.objects
        )

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """Everything in the store, with what would show a change."""
        return {
            str(path): (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            for path in (self.store.root, *self.store.root.rglob("*"))
            if path.exists() and (status := path.lstat())
        }

    def clone(self, name: str = "clone") -> "Project":
        """The same sources in a fresh directory, all with new times."""
        other = Project(self.directory.parent / name, self.store.root, self.environment)
        for path in sorted(self.directory.rglob("*")):
            relative = path.relative_to(self.directory)
            if path.is_file() and relative.parts[0] not in _NOT_CLONED + self.made:
                (other.directory / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, other.directory / relative)
        return other

    made: tuple[str, ...] = ("out.txt", "out")  # what workflows here make locally

    def _begun(self) -> list[str]:
        return self.computed.read_text().split() if self.computed.exists() else []

    def _computed(self) -> list[str]:
        begun = self._begun()
        self.computed.unlink(missing_ok=True)
        return sorted(begun)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program ``ran``, which counts what is computed.

    All of Snakemake is killed when it comes to the job ``$KILLED``; not at once, as it starts a job
    and only then notes that this has begun, without which a local file counts as whole. ``ran NAME
    waits`` waits while the file ``$WAIT`` is there, in one process: a shell that gets a signal just
    as one of its programs ends goes on.
    """
    directory = tmp_path_factory.mktemp("bin")
    program = directory / "ran"
    killed = '[ "$1" != "$KILLED" ] || { sleep 1; kill -9 0; }'
    waits = '[ "$2" != waits ] || [ ! -e "$WAIT" ] || exec sleep 600'
    program.write_text(f'#!/bin/sh\necho "$1" >> "$COMPUTED"\n{killed}\n{waits}\n')
    program.chmod(0o755)
    return directory


@pytest.fixture
def project(tmp_path, environment, programs):
    path = f"{programs}{os.pathsep}{environment['PATH']}"
    return Project(tmp_path / "work", tmp_path / "store", environment | {"PATH": path})


CHAIN = """
    K = config.get("num", 3)

    rule all:
        input: "out.txt"

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "ran a; tr a-z A-Z < {input} > {output}"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: storage.seqstore("seqstore://files/b.txt")
        params: k=K
        shell: "ran b; (rev {input}; echo {params.k}) > {output}"

    rule c:
        input: storage.seqstore("seqstore://files/b.txt")
        output: "out.txt"
        shell: "ran c; cat {input} > {output}"
    """


@pytest.fixture
def chain(project):
    """in.txt -> a -> b(k) in the store -> out.txt here."""
    project.write(CHAIN)
    project.write("abc\n", "in.txt")
    return project
