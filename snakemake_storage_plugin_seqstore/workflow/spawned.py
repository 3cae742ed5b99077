"""What the main process and the process of a job on the same machine tell each other of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.store.filesystem import overwrite
from snakemake_storage_plugin_seqstore.workflow.claims import file_name
from snakemake_storage_plugin_seqstore.workflow.conditions import Seen
from snakemake_storage_plugin_seqstore.workflow.files import label
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class Spawned:
    """Jobs that Snakemake runs in processes of their own.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse

    def say_behind(self, job: Job, behind: Mapping[str, str]) -> None:
        """Say to a job's process what is behind its flags, as only who knows the DAG does."""
        self._write(job, {"behind": behind})

    def hear_behind(self, job: Job) -> dict[str, str]:
        """What is behind the flags of the job of this process, by absolute path."""
        with suppress(OSError, ValueError, KeyError, AttributeError):
            return dict(json.loads(self._file(job).read_bytes())["behind"])
        return {}

    def say_seen(self, job: Job, instructions: str, seen: Seen) -> None:
        """Say to the main process what a job was told, and what it did."""
        self._write(job, {"instructions": instructions, "seen": asdict(seen)})

    def hear_seen(self, job: Job) -> tuple[str, Seen]:
        """What a job was told, as its digest, and what it did; empty if it did not say so."""
        path = self._file(job)
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            said = json.loads(path.read_bytes())
            path.unlink()
            return str(said["instructions"]), Seen.load(said["seen"])
        return "", Seen()

    def _write(self, job: Job, document: dict[str, Any]) -> None:
        path = self._file(job)
        overwrite(path, json.dumps(document).encode(), path.parent.parent)

    def _file(self, job: Job) -> Path:
        folder: Path = self._reuse.directory.path / "said"
        return folder / file_name(label(job.output[0]))
