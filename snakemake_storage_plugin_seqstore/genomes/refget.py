"""GA4GH refget: names of sequences and of collections that follow from their content alone.

Sequences 2.0 and sequence collections 1.0. Neither the width of lines nor masking counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from snakemake_storage_plugin_seqstore.genomes.genome import Genome

_LENGTH = 24  # bytes of the SHA-512 that count
_INHERENT = ("names", "sequences")  # attributes that the name of a collection follows from


def sequence_digest(windows: Iterable[bytes]) -> str:
    """Return the refget digest of a sequence that is given in parts.

    Examples
    --------
    >>> sequence_digest([b"AC", b"gt"])
    'SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2'
    """
    sha512 = hashlib.sha512()
    for window in windows:
        sha512.update(window.upper())
    return refget_digest(sha512)


def refget_digest(sha512: hashlib._Hash) -> str:
    """Return the refget digest of a sequence whose letters, in upper case, were hashed."""
    return f"SQ.{_sha512t24u(sha512.digest())}"


@dataclass(frozen=True)
class SequenceCollection:
    """Names, lengths and digests of the sequences of a genome, in order.

    Parameters
    ----------
    names : tuple of str
        Names of the sequences.
    lengths : tuple of int
        In bp.
    sequences : tuple of str
        Their refget digests.
    """

    names: tuple[str, ...]
    lengths: tuple[int, ...]
    sequences: tuple[str, ...]

    @classmethod
    def of(cls, genome: Genome) -> SequenceCollection:
        """Read all sequences of a genome."""
        lengths = genome.chrom_lengths
        digests = tuple(sequence_digest(genome.windows(name)) for name in lengths)
        return cls(tuple(lengths), tuple(lengths.values()), digests)

    @property
    def digest(self) -> str:
        """What the collection is called: level 0 of the specification."""
        attributes = self.level1
        return _json_digest({name: attributes[name] for name in _INHERENT})

    @property
    def level1(self) -> dict[str, str]:
        """The digest of each attribute."""
        return {name: _json_digest(value) for name, value in self.level2.items()}

    @property
    def level2(self) -> dict[str, list[Any]]:
        """The attributes themselves."""
        return {
            "lengths": list(self.lengths),
            "names": list(self.names),
            "sequences": list(self.sequences),
        }


def _json_digest(value: Any) -> str:
    # RFC 8785, for what is in here: strings, whole numbers and keys in ASCII.
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _sha512t24u(hashlib.sha512(text.encode()).digest())


def _sha512t24u(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest[:_LENGTH]).decode()
