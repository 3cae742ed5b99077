"""What the working directory knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.observe import Packages, born
from snakemake_storage_plugin_seqstore.store import RecordMemory
from snakemake_storage_plugin_seqstore.workflow import snakemake_sources
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.left import Left
from snakemake_storage_plugin_seqstore.workflow.messages import Messages
from snakemake_storage_plugin_seqstore.workflow.sought import Sought
from snakemake_storage_plugin_seqstore.workflow.stores import Stores
from snakemake_storage_plugin_seqstore.workflow.under_way import (
    LeftFiles,
    UnderWay,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Workflow

_FOLDER = "seqstore"  # in .snakemake


class Directory:
    """What the working directory knows: in its ``.snakemake``, whose place is known with the DAG.

    Parameters
    ----------
    workflow : Workflow
        The workflow.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.path = workflow.persistence.path / _FOLDER
        self.hashes = FileHashes(self.path / "contents.json")
        self.left = Left(self.path)
        self.under_way = UnderWay(self.left.has)
        left, so_far = LeftFiles(self.is_left), LeftFiles(self.is_left, self.under_way.may_make)
        self.contents = Contents(self.hashes, left, so_far)
        self.packages = Packages()
        alone = workflow.is_main_process and workflow.local_exec
        self.claims = Claims(self.path, alone, snakemake_sources.digest(workflow))
        self.claims.load(join=not workflow.is_main_process)
        self.sought = Sought(self.path)
        # The process of a job asks for few.
        self.records = (
            RecordMemory(self.path / "records.jsonl") if workflow.is_main_process else None
        )
        self.stores = Stores(
            workflow, self.path / "store", self.contents, self.claims.here, self.records
        )
        self.messages = Messages(self.stores, self.claims)
        # When the first run here began: this one, if it is the first.
        self.since = min(filter(None, (born(str(self.path)), self.claims.began)))

    def is_left(self, path: str) -> bool:
        """Whether a file is as a job left it that did not declare it, in this run or another."""
        version = self.contents.known(path) if self.left.has(path) else None
        return version is not None and self.left.run_that_left(path, version) is not None

    def save(self) -> None:
        """Write down what was read, for the next run, before jobs start."""
        self.hashes.save()
        self.left.save()
        if self.records:
            self.records.save()
