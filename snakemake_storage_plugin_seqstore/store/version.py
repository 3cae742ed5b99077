"""What a payload is: the value that names and records hold."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from snakemake_storage_plugin_seqstore.store.parsing import (
    fields,
    flag,
    natural,
    one_of,
    optional,
    sha256,
)

Kind: TypeAlias = Literal["file", "tree"]


def is_executable(mode: int) -> bool:
    """Whether a file of this mode counts as executable: its owner may execute it."""
    return bool(mode & stat.S_IXUSR)


@dataclass(frozen=True)
class Version:
    """What a name means or meant, or a job made.

    Parameters
    ----------
    digest : str
        SHA-256 of the payload's bytes; of a directory, of its manifest.
    kind : {"file", "tree"}
        Whether the payload is a file or the manifest of a directory.
    size : int
        Size in bytes; of a directory, of all files in it.
    executable : bool
        Whether a file may be executed.
    """

    digest: str
    kind: Kind
    size: int
    executable: bool = False

    @classmethod
    def unseen(cls, run: str) -> Version:
        """What stands for bytes that are not to be had, as those in a pipe: the run that made them.

        A file without bytes has the digest of none, so this is nobody's content.
        """
        return cls(hashlib.sha256(f"made by {run}".encode()).hexdigest(), "file", 0)

    @property
    def is_unseen(self) -> bool:
        """Whether it stands for bytes that nobody saw."""
        return self.kind == "file" and not self.size and self.digest != EMPTY.digest

    @property
    def identity(self) -> str:
        """All that tells its content from another one, as a text."""
        return f"{self.kind}:{self.digest}" + (":x" if self.executable else "")

    @classmethod
    def load(cls, document: Any) -> Version:
        """Read a version back from what its fields were written as.

        Raises
        ------
        MalformedError
            If it is not one.
        """
        return cls(**_FORM(document))


_FORM = fields(
    digest=sha256,
    kind=one_of("file", "tree"),
    size=natural,
    executable=optional(flag, False),
)
EMPTY = Version(hashlib.sha256().hexdigest(), "file", 0)
