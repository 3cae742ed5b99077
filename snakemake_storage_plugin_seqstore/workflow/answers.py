"""What was said of files: Snakemake asks thousands of times."""

from __future__ import annotations

import threading

from snakemake_storage_plugin_seqstore.store import Entry, Store
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.files import Answer, StoredFile


class Answers:
    """What was said of files of one workflow.

    Attributes
    ----------
    found : dict
        What the claim to a file stands for, by its label.
    """

    def __init__(self) -> None:
        self.found: dict[str, tuple[Claim, tuple[Store, Entry]]] = {}
        self._given: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def give(self, name: str, file: StoredFile, found: tuple[Store, Entry] | None) -> None:
        """Let a file's answer stand until the file is claimed anew."""
        with self._lock:
            file.answer = self._given.setdefault(name, Answer(found))

    def withdraw(self, name: str) -> None:
        """Look anew at a file."""
        with self._lock:
            if answer := self._given.pop(name, None):
                answer.stands = False

    def clear(self) -> None:
        """Look anew at all files."""
        self.found.clear()
        with self._lock:
            for answer in self._given.values():
                answer.stands = False
            self._given.clear()
