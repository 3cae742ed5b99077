"""Records to FASTA, many at once."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences.texts import Numbers, Page, Texts, before

_LINE = 60
_WIDTH = _LINE + 1  # of a line with its end
_LINE_ENDS = (b"\n", b"\r")
# What would begin a record or a comment, or is no residue that could be read again.
_MARKS = (b">", b";", b"\x7f")
_UNFIT = re.compile(rb"[\x00-\x20>;\x7f]")


def fasta(path: Path, page: Page) -> NDArray[np.uint8]:
    """Return records of a database as FASTA; other threads run meanwhile.

    Raises
    ------
    InputError
        If a header has a line break, or a sequence something that FASTA cannot hold.
    """
    require_residues(path, page)
    headers, seqs = _headers(path, page), page.seqs
    count = len(seqs)
    # Header and sequence of each record in turn.
    starts, sizes = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    starts[::2], starts[1::2] = headers.starts, seqs.starts + len(headers.data)
    sizes[::2], sizes[1::2] = headers.lengths, seqs.lengths
    lines = -(-sizes // _LINE)
    sizes[::2] += 2  # the mark and the line end
    sizes[1::2] += lines[1::2]
    ends = np.cumsum(sizes)
    out = np.empty(ends[-1] + _WIDTH, np.uint8)
    places = ends - sizes
    marks = places[::2].copy()
    places[::2] += 1
    _copy_lines(b"".join((headers.data, seqs.data, bytes(_WIDTH))), starts, out, places, lines)
    out[marks] = ord(">")
    out[places[1::2] - 1] = ord("\n")
    out[ends[1::2] - 1] = ord("\n")
    return out[: ends[-1]]


def require_residues(path: Path, page: Page) -> None:
    """Refuse sequences that would forge other records where they are written.

    Raises
    ------
    InputError
        If one has a blank, a control character, ``>`` or ``;``.
    """
    data = page.seqs.data
    # They are looked at as a whole first: nearly always nothing is wrong with any.
    lowest = np.frombuffer(data, np.uint8).min(initial=255)
    if lowest > ord(" ") and not any(mark in data for mark in _MARKS):
        return
    for gid, seq in zip(page.gids, page.seqs, strict=True):
        if unfit := _UNFIT.search(seq):
            raise InputError(
                f"{path}: the sequence of gid {gid} has the character {unfit[0].decode()!r} "
                f"at residue {unfit.start() + 1:,}, no file can hold it as a residue"
            )


def _copy_lines(
    text: bytes, starts: Numbers, out: NDArray[np.uint8], places: Numbers, lines: Numbers
) -> None:
    """Copy so many lines from each start to each place, ascending; only sequences get line ends.

    Lines are copied whole: what is too much of the last line of one the next one covers.
    """
    first = before(lines)
    number = np.arange(lines.sum())
    of_text = np.ndarray(len(text) - _LINE, f"V{_WIDTH}", text, strides=1)
    of_out = np.ndarray(len(out) - _LINE, f"V{_WIDTH}", out, strides=1)
    steps = np.full(len(lines), _LINE)
    steps[1::2] = _WIDTH
    source = np.repeat(starts - _LINE * first, lines)
    source += _LINE * number
    number *= np.repeat(steps, lines)
    number += np.repeat(places - steps * first, lines)
    copied = of_text[source]
    copied.view(np.uint8)[_LINE::_WIDTH] = ord("\n")
    of_out[number] = copied


def _headers(path: Path, page: Page) -> Texts:
    """Return the headers, or gids where there are none."""
    headers = page.headers
    if not isinstance(headers, Texts):
        named = zip(page.gids, headers, strict=True)
        headers = Texts.of([b"%d" % gid if header is None else header for gid, header in named])
    if any(end in headers.data for end in _LINE_ENDS):
        for gid, header in zip(page.gids, headers, strict=True):
            if any(end in header for end in _LINE_ENDS):
                raise InputError(
                    f"{path}: the header of gid {gid} has a line break, FASTA cannot hold it"
                )
    return headers
