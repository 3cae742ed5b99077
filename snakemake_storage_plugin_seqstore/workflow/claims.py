"""What the outputs of a workflow mean in one working directory: its claims.

``claims.json`` says it for all outputs; the main process writes it when it has built its DAG. What
jobs make counts more, until the main process next takes it up: it appends that to a journal where
it runs all jobs itself; else the process of each job writes one file for each output. All are in
the working directory's ``.snakemake``, which the processes of jobs on other nodes share.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from snakemake_storage_plugin_seqstore.store import Record, Version, json_lines
from snakemake_storage_plugin_seqstore.store.filesystem import overwrite
from snakemake_storage_plugin_seqstore.workflow.whereabouts import Here


@dataclass(frozen=True)
class Claim:
    """What one output means.

    Parameters
    ----------
    version : Version or None
        Its content; None if it means nothing any more.
    time : int
        Since when, in ns since the epoch.
    key : str
        Key of the computation that made it; empty if that is not known.
    run : str
        Id of the run in which a job said so.
    is_touched : bool
        Whether it was made otherwise than `key` says, and the user wants it to stand all the same.
    before : Version or None
        If it is updated: what was there before; None if nothing was.
    reads : str
        Digest of what the job read; empty if no record has it.
    workflow : str
        Digest of the workflow, see `Claims`, with which it was made or last found by its key.
    """

    version: Version | None
    time: int
    key: str = ""
    run: str = ""
    is_touched: bool = False
    before: Version | None = None
    reads: str = ""
    workflow: str = ""


class Claims:
    """The claims of a working directory.

    Parameters
    ----------
    directory : Path
        Where they are kept; need not exist.
    is_alone : bool
        Whether all jobs of this run make their claims in this process.
    workflow : str
        Digest of the Snakefiles and the config.
    """

    def __init__(self, directory: Path, is_alone: bool, workflow: str = "") -> None:
        self.is_alone = is_alone
        self.workflow = workflow
        self._summary = directory / "claims.json"
        self._journal = directory / "claims.jsonl"
        self._jobs = directory / "claims"
        self._claims: dict[str, Claim] = {}
        self._made: dict[str, Claim] = {}
        self._others: list[Path] = []
        self.before: frozenset[str] = frozenset()  # outputs that meant something before this run
        self._appended: BinaryIO | None = None
        self._lock = threading.Lock()  # jobs end in several threads
        self.run = uuid.uuid4().hex
        # Of the run to which the process of a job belongs.
        self.forced: frozenset[str] = frozenset()
        self.made: frozenset[str] = frozenset()
        self.absent: Mapping[str, Version] = {}
        self.joined = False
        self.began = time.time_ns()  # the run
        workdir = Path.cwd()
        # Files in their own places are listed in stores under its project.
        self.here = Here(str(workdir), f"{_clean(workdir.name)}-{self.run[:8]}")
        self._inode = workdir.stat().st_ino
        self._is_copy = False  # of another directory, since the last run
        self.stores: list[str] = []  # roots, for who looks at the results when nothing runs
        # What is in its own place, and no store knows yet that it is used here: by label.
        self.unnoted: frozenset[str] = frozenset()
        # The software that results of this directory were made with or first used with, by host.
        self.accepted: dict[str, dict[str, str]] = {}

    def load(self, join: bool = False) -> None:
        """Read what earlier runs, and for a job its own run, claimed.

        Parameters
        ----------
        join : bool
            Whether this process belongs to the run that wrote the claims, as that of a job does.
        """
        try:
            document = json.loads(self._summary.read_bytes())
            self._claims = {path: _load(row) for path, row in document["claims"].items()}
            self.accepted = document["accepted"]
            self._know_directory(document, join)
            self.stores = document.get("stores", [])
            self.unnoted = frozenset(document.get("unnoted", []))
            if join:
                self.run = document["run"]
                self.began = self._summary.stat().st_mtime_ns
                self.forced = frozenset(document["forced"])
                self.made = frozenset(document["made"])
                rows = document["absent"].items()
                self.absent = {path: Version.load(row) for path, row in rows}
                self.joined = True
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            self._claims = {}  # without claims, uncacheable jobs run again
        self._claims |= dict(_rows(self._journal))
        self._others = self._files()
        for file in self._others:
            self._claims |= dict(_rows(file))
        self.before = frozenset(self._claims)

    def _know_directory(self, document: Mapping[str, Any], join: bool) -> None:
        """Take the project that the directory had; a copy of it is a project of its own.

        A directory that is moved is the same, and so is one on a filesystem that is mounted anew.
        """
        project, former = document["project"], tuple(document.get("former", []))
        is_moved = document.get("path", self.here.path) != self.here.path
        if is_moved and document["inode"] != self._inode and not join:
            self.here = replace(self.here, former=(*former, project))
            self._is_copy = True
        else:
            self.here = replace(self.here, project=project, former=former)

    def get(self, path: str) -> Claim | None:
        """What an output means, if anybody said so; asked anew each time, as jobs may end."""
        return self._said(path) or self._made.get(path) or self._claims.get(path)

    def is_inside(self, path: str) -> bool:
        """Whether a path lies in a directory that is an output of a job, as far as is known."""
        while path := path.rpartition("/")[0]:
            if (claim := self.get(path)) and claim.version and claim.version.kind == "tree":
                return True
        return False

    def known(self, path: str) -> Claim | None:
        """What an output meant when the claims were last loaded or written down."""
        return self._claims.get(path)

    def own(self, record: Record, outputs: Sequence[str], traces: Sequence[str]) -> bool:
        """Whether this directory made, or has taken, what a record says was made.

        Parameters
        ----------
        outputs, traces : sequence of str
            The outputs of the job, and its logs with its benchmark, by label.
        """
        pairs = [
            *zip(outputs, record.outputs, strict=True),
            *zip(traces, record.traces, strict=False),
        ]
        claims = ((self.known(name), version) for name, version in pairs)
        claimed = [(claim, made) for claim, made in claims if claim and claim.key == record.key]
        return any(claim.version for claim, _ in claimed) and all(
            claim.version in (None, made) and claim.reads in ("", record.reads.digest)
            for claim, made in claimed
        )

    def products(self) -> set[str]:
        """Files that jobs make, or made in earlier runs for other targets."""
        return {*self.made, *self._claims}

    def keys(self) -> list[str]:
        """The keys of what the outputs mean."""
        return sorted({claim.key for claim in self._claims.values() if claim.key})

    def made_in_this_run(self, path: str) -> Claim | None:
        """What a job of this run said that an output means."""
        if made := self._made.get(path):
            return made
        said = self._said(path)
        return said if said and said.run == self.run else None

    def stands(self, path: str, claim: Claim) -> bool:
        """Whether a claim is the last one that this process made to an output."""
        return self._made.get(path) is claim

    def use_stores(self, roots: Iterable[str]) -> None:
        """Let the workflow use these stores; one that is new does not know what is used here.

        Nor does any, if the directory is a copy.
        """
        before, self.stores = self.stores, sorted(roots)
        if before != self.stores or self._is_copy:
            self.unnoted |= self._claims.keys()

    def put(self, path: str, claim: Claim) -> None:
        """Say what an output means from now on."""
        self._made[path] = claim
        row = {"path": path} | vars(claim) | {"run": self.run, "workflow": self.workflow}
        if self.is_alone:
            self._append(row)
            if self._others:
                self._file(path).unlink(missing_ok=True)  # of another run
        else:
            _write(self._file(path), row)

    def save(
        self,
        claims: Mapping[str, Claim],
        forced: Iterable[str],
        made: Iterable[str] = (),
        absent: Mapping[str, Version] | None = None,
    ) -> None:
        """Write what all outputs mean, for the next run and for the processes of jobs.

        Parameters
        ----------
        claims : mapping of str to Claim
            What they mean. Others keep what they meant: they may belong to other targets.
        forced : iterable of str
            Those of them that are to be made whatever is in the store.
        made : iterable of str
            Local paths that the workflow makes: the process of a job knows its own only.
        absent : mapping of str to Version, optional
            What is reused and not in its place, by path: the process of a job may look for it.
        """
        self._claims = self._claims | dict(claims)
        self.forced = frozenset(forced)
        self.absent = absent or {}
        _write(
            self._summary,
            {
                "run": self.run,
                "forced": sorted(self.forced),
                "made": sorted(made),
                "absent": self.absent,
                "accepted": self.accepted,
                "project": self.here.project,
                "former": self.here.former,
                "path": self.here.path,
                "inode": self._inode,
                "stores": self.stores,
                "unnoted": sorted(self.unnoted),
                "claims": {
                    path: claim
                    for path, claim in self._claims.items()
                    if claim.version or claim.is_touched
                },
            },
        )

    def take_up(self) -> None:
        """Remove the files of jobs of earlier runs, once the claims are saved."""
        if not self._made:
            self._journal.unlink(missing_ok=True)
        for file in self._files():
            if not any(claim.run == self.run for _, claim in _rows(file)):
                file.unlink(missing_ok=True)

    def _said(self, path: str) -> Claim | None:
        """What the process of a job said last, if such processes may be running."""
        return None if self.is_alone else dict(_rows(self._file(path))).get(path)

    def _append(self, row: Mapping[str, Any]) -> None:
        with self._lock:
            if self._appended is None:
                self._journal.parent.mkdir(parents=True, exist_ok=True)
                self._appended = self._journal.open("ab")
                weakref.finalize(self, self._appended.close)
            self._appended.write(json_lines.text([row]))
            self._appended.flush()

    def _file(self, path: str) -> Path:
        return self._jobs / file_name(path)

    def _files(self) -> list[Path]:
        return sorted(self._jobs.iterdir()) if self._jobs.is_dir() else []


def _clean(name: str) -> str:
    """A name of a directory as a part of a name in a store."""
    return re.sub(r"[^\w.-]", "_", name).encode()[:100].decode(errors="ignore")


def file_name(path: str) -> str:
    """Name of a file about an output, whatever its path is."""
    return hashlib.sha256(path.encode()).hexdigest()[:40]


def _write(file: Path, document: Mapping[str, Any]) -> None:
    # Unfinished files are beside the directory, as its files are listed.
    overwrite(file, json_lines.encode(document), file.parent.parent)


def _rows(file: Path) -> Iterator[tuple[str, Claim]]:
    return json_lines.load(file, lambda row: (row.pop("path"), _load(row)))


def _load(document: dict[str, Any]) -> Claim:
    version, before = document.pop("version"), document.pop("before", None)
    return Claim(
        Version.load(version) if version else None,
        before=Version.load(before) if before else None,
        **document,
    )
