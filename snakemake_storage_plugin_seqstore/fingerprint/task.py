"""What a job is told, and the key that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import Provenance, canonical, content_id, tagged


@dataclass(frozen=True, eq=False)
class Operation:
    """What is done, whatever the files and params are: one object for many jobs of a rule.

    Parameters
    ----------
    kind : str
        ``shell``, ``script``, ``run``, ..., or the name and version of one of our own wrappers.
    parts : dict
        All else that counts, by name; forms that `canonical` takes.
    """

    kind: str
    parts: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the parts; empty if there are none."""
        if not self.parts:
            return ""
        return hashlib.sha256(canonical(self.parts, "operation").encode()).hexdigest()

    @cached_property
    def canonical(self) -> dict[str, Any]:
        """The kind and the parts as tagged canonical values by name."""
        return _tagged({"operation": self.kind, **self.parts})


@dataclass(frozen=True, eq=False)
class Told:
    """What a job is told.

    Parameters
    ----------
    operation : Operation
        What is done.
    inputs : sequence of (str, str)
        Kind (``file`` or ``tree``) and SHA-256 of what the inputs contain, in their order.
    varying : mapping
        What else counts, by name, and differs from job to job: ``inputs`` and ``outputs`` with
        their roles and names (see `roles`), ``params``, ``wildcards``.
    ancient : mapping of str to str
        Content of inputs that the user calls ancient, by their number. It is no part of the key:
        what is there stands whatever becomes of them.
    made : Provenance, optional
        How the outputs are made, if it is an operation that others ask for in another way: then
        it alone is the key.
    as_before : str
        The key of what was told before, if only the order of the inputs was another one.
    """

    operation: Operation
    inputs: Sequence[tuple[str, str]]
    varying: Mapping[str, Any]
    ancient: Mapping[str, str] = field(default_factory=dict)
    made: Provenance | None = None
    as_before: str = ""

    @cached_property
    def provenance(self) -> Provenance:
        """How the job's outputs are made, as a value."""
        return self.made or Provenance(
            self.operation.kind,
            tuple(sorted(content_id(kind, digest) for kind, digest in self.inputs)),
            (("operation", self.operation.digest), *sorted(self.varying.items())),
        )

    @cached_property
    def key(self) -> str:
        """The digest of the provenance, in hex.

        Raises
        ------
        NotCanonical
            If a part has no canonical form.
        """
        return self.as_before or self.provenance.digest()

    def canonical(self) -> dict[str, Any]:
        """All that counts as tagged canonical values by name, as a record keeps it."""
        parts = self.operation.canonical | _tagged(dict(self.varying))
        return parts | self.made.parts() if self.made else parts


def roles(
    names: Sequence[str], contents: Sequence[str], ranges: Mapping[str, tuple[int, int | None]]
) -> tuple[Any, ...]:
    """Files by position with what counts of each, and their names in the rule.

    Parameters
    ----------
    names : sequence of str
        Paths as the job sees them, without places.
    contents : sequence of str
        Of inputs the identity of their content; of outputs what is demanded of them.
    ranges : mapping of str to (int, int or None)
        Named files of the rule: start and end; no end for a single one.
    """
    named = sorted(
        (start, -1 if end is None else end, name) for name, (start, end) in ranges.items()
    )
    return tuple(zip(names, contents, strict=True)), tuple(named)


def _tagged(parts: dict[str, Any]) -> dict[str, Any]:
    _, _, values = tagged(parts, "task")
    return dict(zip(parts, values, strict=True))
