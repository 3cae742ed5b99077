"""What an operation is asked for: the same in Python and in a rule, so that its key is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.provenance import Provenance
from snakemake_storage_plugin_seqstore.tracks.formats import COMPLETE, KINDS, format_of
from snakemake_storage_plugin_seqstore.tracks.operations.operation import Operation

_FORMAT, _FORMATS = "format", "formats"


def format_of_input(name: str) -> str:
    """Return the format of the track that a file is, as its name says; empty if it is none.

    Genomes and alignments say in their content what they are.
    """
    try:
        return format_of(name)
    except InputError:
        return ""


@dataclass(frozen=True)
class Request:
    """An operation with its parameters, and the formats of its files.

    Parameters
    ----------
    operation : Operation
        What is asked for.
    params : mapping of str to object
        Its parameters; those that are left out have their defaults.
    inputs : tuple of str
        Formats of the inputs that are files of tracks, in order; else empty.
    format : str
        Format of the result, with ``.gz`` if it is packed; the one that keeps all of it if it is
        empty.
    """

    operation: Operation
    params: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    format: str = ""

    @property
    def kind(self) -> str:
        """What the result is; empty if nothing says it."""
        if self.operation.output != "same":
            return self.operation.output
        return KINDS.get(self.inputs[0], "") if self.inputs else ""

    def provenance(self, input_ids: Sequence[str]) -> Provenance:
        """Return how the result is made.

        It is the provenance of the operation. Formats are told only where they count: a text is
        BED or bedGraph by its name alone, and BED keeps less than there is.

        Parameters
        ----------
        input_ids : sequence of str
            Ids of the inputs, in order.

        Raises
        ------
        InputError
            If the operation has no such inputs or parameters.
        """
        made = self.operation.provenance(input_ids, self.params)
        more: list[tuple[str, Any]] = []
        if self.format and self.format != COMPLETE.get(self.kind, ("",))[0]:
            more.append((_FORMAT, self.format))
        formats = tuple("" if _is_plain(each) else each for each in self.inputs)
        if any(formats):
            more.append((_FORMATS, formats))
        return replace(made, params=tuple(sorted([*made.params, *more]))) if more else made


def _is_plain(format: str) -> bool:
    return not format or COMPLETE[KINDS[format]][0] == format
