"""Cursors of one reader: each is used by one thread at a time, none crosses a fork."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError, StoreError
from snakemake_storage_plugin_seqstore.sequences import schema
from snakemake_storage_plugin_seqstore.sequences.publish import version

# Some of SQLite's own errors quote damaged bytes, which Python cannot decode.
COMPLAINTS = sqlite3.DatabaseError, UnicodeDecodeError


class Pool:
    """Cursors, each of a connection of its own, to one version of a file.

    To make one for every statement would take longer than some statements do.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        schema.check_file(path)
        self.version = version(path)
        self._idle: deque[sqlite3.Cursor] = deque()
        self._closed = False
        _pools.add(self)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor; SQLite's complaints about the file's bytes become DamageError."""
        cursor = self.take()
        try:
            yield cursor
        except COMPLAINTS as error:
            raise self.damaged(error) from error
        finally:
            self.give_back(cursor)

    def take(self) -> sqlite3.Cursor:
        """Lend a cursor until :meth:`give_back`."""
        if self._closed:
            raise RuntimeError(f"the reader of {self.path} is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def give_back(self, cursor: sqlite3.Cursor) -> None:
        """Take a cursor back."""
        self._idle.append(cursor)
        if self._closed:  # now, or when it was put there: close() may not have seen it
            self._close_idle()

    def damaged(self, error: Exception) -> DamageError:
        """Return the error that names the file."""
        return DamageError(f"{self.path} is damaged: {error}")

    def close(self) -> None:
        """Close what is idle now; what is lent is closed when it comes back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):  # several threads may do this at once
            while True:
                self._idle.pop().connection.close()

    def _connect(self) -> sqlite3.Cursor:
        # The path may have been published anew since this reader was opened. Its connections must
        # all see one and the same version.
        with contextlib.suppress(FileNotFoundError, sqlite3.OperationalError):
            connection = schema.connect(self.path)
            if version(self.path) == self.version:
                return connection.cursor()
            connection.close()
        raise replaced(self.path)


def replaced(path: Path) -> StoreError:
    """Return the error that says that a file is no longer the one that was opened."""
    return StoreError(f"{path} was replaced or removed while it was open", "open it again")


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
# The parent's connections: a child must neither use nor close them, so it keeps them for ever.
_inherited: list[deque[sqlite3.Cursor]] = []


def _after_fork() -> None:
    for pool in _pools:
        _inherited.append(pool._idle)
        pool._idle = deque()


os.register_at_fork(after_in_child=_after_fork)
