"""A workflow of `workflows`, its clones and their store."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import forked

WORKFLOWS = Path(__file__).parent / "workflows"
HANGS = 300.0  # s
IN_PLACE = ("--default-storage-provider=seqstore", "--default-storage-prefix=seqstore://files")
# A command says so that it runs, beside the working directory: `echo >> $COMPUTED/name`.
_MARK = re.compile(r"COMPUTED[/}\"'\] +]+/?(\w+)")
_HEAD = """\
import snakemake_storage_plugin_seqstore as seqstore
seqstore.reuse(workflow, observe={observe!r})
"""


@dataclass
class Run:
    """What one Snakemake process did."""

    printed: str
    computed: Counter[str]
    failed: bool

    @property
    def did_nothing(self) -> bool:
        return "Nothing to be done" in self.printed and not self.computed and not self.failed

    @property
    def about(self) -> str:
        """What is of interest if a test fails."""
        words = ("seqstore: ", "reason: ", "Error")
        said = [line for line in self.printed.splitlines() if any(word in line for word in words)]
        return "\n".join([f"computed: {dict(self.computed)}", *said])


class World:
    """The directories of one workflow: clones that share a store, a home and a lab's share.

    Parameters
    ----------
    root : Path
        An empty directory.
    workflow : str
        Name of the workflow in `WORKFLOWS`.
    environment : mapping
        Environment of Snakemake.
    observe : {"auto", "off"}
        Whether jobs are observed.
    """

    def __init__(
        self, root: Path, workflow: str, environment: Mapping[str, str], observe: str
    ) -> None:
        self.root = root
        self.observe = observe
        self._sources = root / "sources"
        shutil.copytree(WORKFLOWS / workflow, self._sources, symlinks=True)
        beside = self._sources / "beside"  # a home, a lab's share and the like
        for name in ("home", "lab", "tmp", "computed"):
            (root / name).mkdir()
            if (beside / name).is_dir():
                shutil.copytree(beside / name, root / name, True, dirs_exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        self.environment = dict(environment) | {
            "HOME": str(root / "home"),
            "LAB": str(root / "lab"),
            "TMPDIR": str(root / "tmp"),
            "XDG_CACHE_HOME": str(root / "home" / ".cache"),
            "COMPUTED": str(root / "computed"),
        }
        self._is_named = "storage.seqstore(" in (self._sources / "Snakefile").read_text()
        self._clones = 0
        self.clone()

    @property
    def names(self) -> list[str]:
        return marks(self._sources)

    def clone(self) -> None:
        """Go on in a fresh directory, with the sources alone, all with new times."""
        self._clones += 1
        self.directory = self.root / f"clone{self._clones}" / f"work{self._clones}"
        shutil.copytree(self._sources, self.directory, True, copy_function=shutil.copy)
        snakefile = self.directory / "Snakefile"
        snakefile.write_text(_HEAD.format(observe=self.observe) + snakefile.read_text())

    def run(self, *arguments: str) -> Run:
        """Run Snakemake."""
        launched = self.root / "launched"  # where a user, or a cluster, happens to be
        launched.mkdir()
        process = forked.run(
            [
                "--keep-going",
                *arguments,
                *(() if "--cores" in arguments else ("--cores", "4")),
                *(() if self._is_named else IN_PLACE),
                *("--storage-seqstore-root", str(self.root / "store")),
            ],
            self.directory,
            self.environment | {"PWD": str(launched)},
            HANGS,
        )
        launched.rmdir()
        return Run(process.stdout, self._take_marks(), process.returncode != 0)

    def path(self, name: str) -> Path:
        """The path of a file: of the workflow's directory, or as ``home:`` or ``lab:``."""
        place, _, rest = name.rpartition(":")
        return (self.root / place if place else self.directory) / rest

    def read(self, name: str) -> str:
        return self.path(name).read_text()

    def write(self, name: str, text: str) -> None:
        """Put a new file in the place of one, as editors do; remove it if there is no text."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode if path.exists() else None
        path.unlink(missing_ok=True)
        if not text:
            return
        path.write_text(text)
        if mode:
            path.chmod(mode)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a text in a file."""
        text = self.read(name)
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    def _take_marks(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for path in (self.root / "computed").iterdir():
            found[path.name] = path.read_text().count("\n")
            path.unlink()
        return found


def marks(directory: Path) -> list[str]:
    """The names by which the jobs of a workflow say that they run."""
    found = [
        mark
        for path in sorted(directory.rglob("*"))
        if path.is_file() and os.path.getsize(path) < 1 << 20
        for mark in _MARK.findall(path.read_text(errors="replace"))
    ]
    return [*dict.fromkeys(found)]
