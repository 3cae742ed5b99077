"""Make lines of columns, without a loop over rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.tracks.text.lines import TextColumn

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Part = Ints | npt.NDArray[np.floating] | TextColumn | bytes
_ROWS = 1 << 13
# The numbers of four digits as texts, each text one number of 32 bits.
_DIGITS = np.arange(10000)[:, None] // (1000, 100, 10, 1) % 10 + ord("0")
_FOUR = _DIGITS.astype(np.uint8).view(np.uint32).ravel()
# Masks of which so many of the first bytes are true, of 8; false, of 4.
_FIRST = (np.arange(8) < np.arange(9)[:, None]).view(np.uint64).ravel()
_LAST = (np.arange(4) >= np.arange(5)[:, None]).view(np.uint32).ravel()


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
        edges = [0, *accumulate(_width(part, first, last) for part in ready)]
        whole = np.empty((last - first, edges[-1]), np.uint8)
        used = np.empty(whole.shape, bool)
        for part, low, high in zip(ready, edges, edges[1:], strict=False):
            _fill(part, first, last, whole, used, low, high)
        yield whole[used].tobytes()


def _ready(part: Part) -> Part:
    """Texts are copied eight bytes at once: so many more stand behind the last."""
    if not isinstance(part, TextColumn) or int(part.end.max(initial=0)) + 8 <= len(part.text):
        return part
    return TextColumn(np.concatenate((part.text, np.zeros(8, np.uint8))), part.start, part.end)


def _is_real(part: Part) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "f"


def _width(part: Any, first: int, last: int) -> int:
    """Return how many bytes a part needs in each of some lines: full words, mostly."""
    if isinstance(part, bytes):
        return len(part)
    if isinstance(part, TextColumn):
        longest = int((part.end[first:last] - part.start[first:last]).max(initial=0))
        return -(-longest // 8) * 8
    return -(-len(str(part[first:last].max())) // 4) * 4


def _fill(part: Any, first: int, last: int, whole: Bytes, used: Mask, low: int, high: int) -> None:
    """Write a part of some lines to its columns, and which bytes of these are used."""
    if isinstance(part, bytes):
        whole[:, low:high] = np.frombuffer(part, np.uint8)
        used[:, low:high] = True
    elif isinstance(part, TextColumn):
        start, end = part.start[first:last], part.end[first:last]
        words = np.ndarray((len(part.text) - 7,), np.uint64, part.text, 0, (1,))
        for place in range(low, high, 8):
            _words(whole, place, np.uint64)[:] = words[np.minimum(start, len(words) - 1)]
            _words(used, place, np.uint64)[:] = _FIRST[_within(end - start, 8)]
            start = start + 8
    else:
        values = part[first:last]
        most, least = len(str(values.max())), len(str(values.min()))
        left = values.astype(np.uint32 if most < 10 else np.uint64)
        unused = np.full(last - first, high - low - least)
        for power in range(least, most):
            unused -= values >= 10**power
        scale = left.dtype.type(10**4)
        for place in range(high - 4, low - 1, -4):
            above = left // scale
            _words(whole, place, np.uint32)[:] = _FOUR[left - above * scale]
            left = above
            _words(used, place, np.uint32)[:] = _LAST[_within(unused - (place - low), 4)]


def _words(cells: Bytes | Mask, place: int, kind: Any) -> npt.NDArray[Any]:
    """Return what begins at a column as one number for each row."""
    return np.ndarray((len(cells),), kind, cells, place, (cells.shape[1],))


def _within(number: Ints, most: int) -> Ints:
    return np.minimum(np.maximum(number, 0), most)


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
