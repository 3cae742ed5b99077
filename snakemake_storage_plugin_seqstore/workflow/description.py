"""How a job is made: everything that counts, by name, and the key that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import Provenance, canonical, content_id, tagged
from snakemake_storage_plugin_seqstore.store import Version


@dataclass(frozen=True)
class Operation:
    """What is done, whatever the files and params are: the same for many jobs of a rule.

    Parameters
    ----------
    kind : str
        ``shell``, ``run``, or what else runs it.
    parts : dict
        Everything that counts, by name.
    """

    kind: str
    parts: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the parts; empty if there are none."""
        return digest_of(self.parts) if self.parts else ""

    @cached_property
    def canonical(self) -> dict[str, Any]:
        """The kind and the parts as canonical values by name."""
        return _tagged({"operation": self.kind} | self.parts)


class Description:
    """How a job is made, for comparing and for showing.

    Parameters
    ----------
    operation : Operation
        What is done.
    inputs : sequence of Version
        What its inputs contain.
    varying : dict
        What else counts, by name, and differs from job to job.

    Attributes
    ----------
    key : str
        The key of the computation: the digest of its provenance.

    Raises
    ------
    NotCanonical
        If something that counts has no canonical form.
    """

    def __init__(
        self, operation: Operation, inputs: Sequence[Version], varying: dict[str, Any]
    ) -> None:
        self._operation = operation
        self._varying = varying
        provenance = Provenance(
            operation.kind,
            tuple(sorted(content_id(version.kind, version.digest) for version in inputs)),
            (("operation", operation.digest), *sorted(varying.items())),
        )
        self.key = provenance.digest()

    def canonical(self) -> dict[str, Any]:
        """Everything that counts as canonical values by name, as a record keeps it."""
        return self._operation.canonical | _tagged(self._varying)


def digest_of(parts: dict[str, Any]) -> str:
    """SHA-256, in hex, of the canonical form of parts."""
    return hashlib.sha256(canonical(parts, "operation").encode()).hexdigest()


def _tagged(parts: dict[str, Any]) -> dict[str, Any]:
    _, _, values = tagged(parts, "operation")
    return dict(zip(parts, values, strict=True))
