"""Make lines of columns, without a loop over rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.tracks.text.lines import TextColumn

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Part = npt.NDArray[np.int64] | npt.NDArray[np.floating] | TextColumn | bytes
_ROWS = 1 << 13


def lines(parts: Sequence[Part], rows: int) -> Iterator[bytes]:
    """Yield lines, in blocks.

    Parameters
    ----------
    parts : sequence
        What follows each other in a line: a column of whole numbers that are not negative, of
        numbers, or of texts, each of shape (rows,); or bytes that all lines have.
    rows : int
        Number of lines.
    """
    ready = [_ready(_texts(part) if _is_real(part) else part) for part in parts]
    for first in range(0, rows, _ROWS):
        last = min(rows, first + _ROWS)
        cells = [_cells(part, first, last) for part in ready]
        whole = np.concatenate([cell for cell, _ in cells], axis=1)
        used = np.concatenate([mask for _, mask in cells], axis=1)
        yield whole[used].tobytes()


def _ready(part: Part) -> Part:
    """Texts are copied eight bytes at once: so many more stand behind the last."""
    if not isinstance(part, TextColumn) or int(part.end.max(initial=0)) + 8 <= len(part.text):
        return part
    return TextColumn(np.concatenate((part.text, np.zeros(8, np.uint8))), part.start, part.end)


def _is_real(part: Part) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "f"


def _cells(part: Any, first: int, last: int) -> tuple[Bytes, Mask]:
    rows = last - first
    if isinstance(part, bytes):
        cell = np.broadcast_to(np.frombuffer(part, np.uint8), (rows, len(part)))
        return cell, np.ones(cell.shape, bool)
    if isinstance(part, TextColumn):
        length = part.end[first:last] - part.start[first:last]
        width = int(length.max(initial=0))
        words = np.ndarray((len(part.text) - 7,), "<u8", part.text, 0, (1,))
        at = part.start[first:last, None] + np.arange(0, width, 8)
        found = words[np.minimum(at, len(words) - 1)]
        return found.view(np.uint8), _first_of(length, found.shape[1] * 8)
    values: Any = part[first:last]
    width = len(str(int(values.max(initial=0))))
    left = values.astype(np.uint32 if width < 10 else np.uint64)
    digits = np.ones(rows, np.int64)
    for power in range(1, width):
        digits += left >= left.dtype.type(10**power)
    cell = np.empty((rows, width), np.uint8)
    for place in range(width - 1, -1, -1):
        above = left // left.dtype.type(10)
        cell[:, place] = (left - above * left.dtype.type(10)) + 48
        left = above
    return cell, ~_first_of(width - digits, width)


def _first_of(number: npt.NDArray[np.int64], width: int) -> Mask:
    """Return which of so many columns are among the first of each row."""
    kind: Any = np.uint8 if width < 256 else np.int32
    found: Mask = np.arange(width, dtype=kind) < number.astype(kind)[:, None]
    return found


def _texts(values: Part) -> TextColumn:
    """Return numbers as the shortest texts that mean them."""
    assert isinstance(values, np.ndarray)
    unique, place = np.unique(values, return_inverse=True)
    single = values.dtype == np.float32
    texts = [shortest(value, single) for value in unique.tolist()]
    end = np.cumsum([len(text) for text in texts], dtype=np.int64)
    start = np.concatenate((np.zeros(1, np.int64), end[:-1])) if len(end) else end
    whole = np.frombuffer("".join(texts).encode() or b"\0", np.uint8)
    return TextColumn(whole, start[place], end[place])


def shortest(value: float, single: bool = False) -> str:
    """Return the shortest text that means a number; `single`: as a float32."""
    if value == int(value) if abs(value) < 1e15 else False:
        return str(int(value))
    if single:
        for digits in (6, 7, 8):
            text = f"{value:.{digits}g}"
            if np.float32(text) == value:
                return text
        return f"{value:.9g}"
    return repr(value)
