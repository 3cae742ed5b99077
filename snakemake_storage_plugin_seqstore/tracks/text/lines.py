"""Lines and fields of a text as places in an array of bytes."""

from __future__ import annotations

import codecs
import copy
import gzip
import itertools
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore import bgzip
from snakemake_storage_plugin_seqstore.errors import InputError

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

TAB, NEWLINE, SPACE = 9, 10, 32
LARGEST = 10**18  # what a place may be
_BLOCK = 1 << 20
_EXACT = 10**15  # decimal numbers of so many digits are exact as float64
_FIRST_BYTES = np.array([(1 << 8 * number) - 1 for number in range(9)], np.uint64)
_NO_DATA = (b"track", b"browser")


class TextColumn:
    """Texts of an array of bytes, decoded when they are needed.

    Parameters
    ----------
    text : array of uint8
        All bytes.
    start, end : array of int64, shape (n,)
        Where the texts are.
    parse : function of str, optional
        Makes a value of a text.
    """

    def __init__(
        self, text: Bytes, start: Ints, end: Ints, parse: Callable[[str], Any] | None = None
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self._parse = parse

    def __len__(self) -> int:
        return len(self.start)

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        found = self.text[self.start[row] : self.end[row]].tobytes().decode(errors="replace")
        return found if self._parse is None else self._parse(found)

    def take(self, rows: Ints) -> TextColumn:
        """Return the values of some rows."""
        return TextColumn(self.text, self.start[rows], self.end[rows], self._parse)

    def followed_by(self, others: list[TextColumn], shared: dict[Any, Any]) -> TextColumn:
        """Return the values here and in others; columns of the same texts share the whole."""
        parts = [self, *others]
        key = tuple(id(part.text) for part in parts)
        if key not in shared:
            spare = np.zeros(8, np.uint8)  # texts are copied eight bytes at once
            shared[key] = np.concatenate([*(part.text for part in parts), spare])
        bases = np.cumsum([0, *(len(part.text) for part in parts[:-1])]).tolist()
        moved = list(zip(parts, bases, strict=True))
        return TextColumn(
            shared[key],
            np.concatenate([part.start + base for part, base in moved]),
            np.concatenate([part.end + base for part, base in moved]),
            self._parse,
        )


class Lines:
    """The lines of a text that hold data.

    Parameters
    ----------
    path : Path
        The file, for errors.
    content : bytes
        Whole lines.
    first : int
        Number of the first line, from 1.
    plain : bool
        Whether all lines hold data, with tabs between their columns.
    """

    def __init__(self, path: Path, content: bytes, first: int = 1, plain: bool = False) -> None:
        self.path = path
        if not plain and b"\r" in content:
            content = content.replace(b"\r\n", b"\n")
        if content and not content.endswith(b"\n"):
            content += b"\n"
        self.text = text = np.frombuffer(content, np.uint8)
        tabs, end = _marks(text)
        start = np.concatenate((np.zeros(min(1, len(end)), np.int64), end[:-1] + 1))
        self.all = len(end)
        number = np.arange(first, first + self.all, dtype=np.int64)
        kept = np.ones(0, bool) if plain else _data_lines(text, start, end)
        if not kept.all():
            start, end, number = start[kept], end[kept], number[kept]
            tabs = tabs[:, kept] if tabs.ndim == 2 else tabs
        self.start, self.end, self.number = start, end, number
        self._find_columns(tabs)
        if not plain:
            self._split_by_spaces()

    def _find_columns(self, tabs: Ints) -> None:
        """Set how many columns each line has, and where they are."""
        number = len(self.start)
        each = len(tabs) // max(1, number)
        if tabs.ndim == 1 and each and each * number == len(tabs):
            # Mostly all lines have as many: that is checked faster than looked up.
            table = tabs.reshape(-1, each).T
            if (table[0] >= self.start).all() and (table[-1] < self.end).all():
                tabs = np.ascontiguousarray(table)
        self._tabs = tabs
        if tabs.ndim == 2:
            self._first_tab = np.zeros(number, np.int64)
            self.columns = np.full(number, len(tabs) + 1)
        else:
            self._first_tab = np.searchsorted(tabs, self.start)
            self.columns = np.searchsorted(tabs, self.end) - self._first_tab + 1

    def _split_by_spaces(self) -> None:
        """In lines without any tab, spaces part the columns."""
        if (self.columns > 1).all():
            return
        spaces = np.flatnonzero(self.text == SPACE)
        line = np.minimum(np.searchsorted(self.end, spaces), len(self.end) - 1)
        here = (self.columns == 1)[line] & (spaces > self.start[line]) & (spaces < self.end[line])
        spaces = spaces[here]
        if not len(spaces):
            return
        text = self.text.copy()
        text[spaces] = TAB
        # Tabs that follow each other, and those at the end of a line, part nothing.
        single = (text[spaces + 1] != TAB) & (text[spaces + 1] != NEWLINE)
        if not single.all():
            gone = np.zeros(len(text), bool)
            gone[spaces[~single]] = True
            before = np.cumsum(gone)
            self.start, self.end = (
                self.start - (before - gone)[self.start],
                self.end - before[self.end],
            )
            text = text[~gone]
        self.text = text
        self._find_columns(np.flatnonzero(text == TAB))

    def __len__(self) -> int:
        return len(self.start)

    def part(self, first: int, last: int) -> Lines:
        """Return some of the lines."""
        found = copy.copy(self)
        for name in ("start", "end", "number", "_first_tab", "columns"):
            setattr(found, name, getattr(self, name)[first:last])
        if self._tabs.ndim == 2:
            found._tabs = self._tabs[:, first:last]
        return found

    def refuse(self, wrong: Mask, what: str, hint: str = "") -> None:
        """Raise an error that names the first wrong line, if there is one."""
        if wrong.any():
            self.fail(int(np.argmax(wrong)), what, hint)

    def fail(self, row: int, what: str, hint: str = "") -> NoReturn:
        """Raise an error that names a line."""
        line = self.text[self.start[row] : self.end[row]].tobytes().decode(errors="replace")
        shown = line if len(line) <= 80 else line[:77] + "..."
        raise InputError(f"{self.path}, line {self.number[row]}: {what}: {shown!r}", hint)

    def need(self, columns: int) -> None:
        """Refuse lines of fewer columns."""
        self.refuse(self.columns < columns, f"fewer than {columns} columns")

    def field(self, column: int) -> tuple[Ints, Ints]:
        """Return start and end of a field that all lines have, counted from 0."""
        first = self.start if column == 0 else self._tab(column - 1) + 1
        more = self.columns > column + 1
        if more.all():
            return first, self._tab(column)
        last: Ints = np.where(more, self._tab(column), self.end)
        return first, last

    def _tab(self, number: int) -> Ints:
        """Return where the tab of this number is in each line; of lines without it, anything."""
        if self._tabs.ndim == 2:
            found: Ints = self._tabs[number] if number < len(self._tabs) else self.end
            return found
        if not len(self._tabs):
            return self.end
        place: Ints = self._tabs[np.minimum(self._first_tab + number, len(self._tabs) - 1)]
        return place

    def texts(self, column: int, parse: Callable[[str], Any] | None = None) -> TextColumn:
        """Return a field of all lines as text."""
        return TextColumn(self.text, *self.field(column), parse)

    def from_column(self, column: int, parse: Callable[[str], Any] | None = None) -> TextColumn:
        """Return what stands from a field on; empty where a line has no such field."""
        first = np.where(self.columns > column, self._tab(column - 1) + 1, self.end)
        return TextColumn(self.text, first, self.end, parse)

    def ints(self, column: int, what: str) -> Ints:
        """Return a field of all lines as whole numbers."""
        value, wrong = parse_ints(self.text, *self.field(column))
        self.refuse(wrong, f"{what} is no whole number")
        return value

    def floats(self, column: int, what: str, dot: float | None = None) -> npt.NDArray[np.float64]:
        """Return a field of all lines as numbers; ``.`` is `dot` if that is given."""
        value, wrong = parse_floats(self.text, *self.field(column), dot)
        self.refuse(wrong, f"{what} is no number")
        return value

    def groups(self, column: int = 0) -> tuple[Ints, list[str]]:
        """Return where a field's text changes, and the texts.

        Returns
        -------
        first : array of int64, shape (m,)
            First lines of the groups.
        names : list of str
            One a group.
        """
        start, end = self.field(column)
        if not len(start):
            return np.empty(0, np.int64), []
        length = end - start
        width = int(length.max())
        new = length[1:] != length[:-1]
        if width > 256:  # rare: names of this length are compared one by one
            texts = [self.text[a:b].tobytes() for a, b in zip(start, end, strict=True)]
            new |= np.array([a != b for a, b in itertools.pairwise(texts)], bool)
            width = 0
        text = self.text
        if int(start[-1]) + width + 8 > len(text):
            text = np.concatenate((text, np.zeros(width + 8, np.uint8)))
        words = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
        for place in range(0, width, 8):
            word = words[start + place] & _FIRST_BYTES[np.clip(length - place, 0, 8)]
            new |= word[1:] != word[:-1]
        first = np.flatnonzero(np.concatenate(([True], new)))
        return first, [self._name(row, start[row], end[row]) for row in first.tolist()]

    def _name(self, row: int, start: int, end: int) -> str:
        try:
            return self.text[start:end].tobytes().decode()
        except UnicodeDecodeError:
            self.fail(row, "a name is not UTF-8")


def _marks(text: Bytes) -> tuple[Ints, Ints]:
    """Return where tabs are, and where lines end.

    Returns
    -------
    tabs : array of int64, shape (tabs, lines)
        If all lines have as many; else all, one after the other.
    ends : array of int64, shape (lines,)
    """
    marks = np.flatnonzero((text - np.uint8(TAB)) < 2)
    lines = int(np.count_nonzero(text == NEWLINE))
    if lines and len(marks) % lines == 0:
        table = marks.reshape(lines, -1).T
        if (text[table[-1]] == NEWLINE).all():
            table = np.ascontiguousarray(table)
            return table[:-1], table[-1]
    is_end = text[marks] == NEWLINE
    return marks[~is_end], marks[is_end]


def _data_lines(text: Bytes, start: Ints, end: Ints) -> Mask:
    first = text[start]
    kept: Mask = (first != ord("#")) & (end > start)
    for word in _NO_DATA:
        rows = np.flatnonzero((first == word[0]) & (end - start >= len(word)))
        for place, letter in enumerate(word):
            rows = rows[text[start[rows] + place] == letter]
        after = text[start[rows] + len(word)]
        kept[rows[(after == SPACE) | (after == TAB) | (after == NEWLINE)]] = False
    return kept


def parse_ints(text: Bytes, start: Ints, end: Ints) -> tuple[Ints, Mask]:
    """Return whole numbers, and which texts are none; both of shape (n,)."""
    if not len(start):
        return np.zeros(0, np.int64), np.zeros(0, bool)
    if len(text) < 24 or int(end.min()) < 24:  # there are too few bytes before the first
        text, start, end = np.concatenate((np.zeros(24, np.uint8), text)), start + 24, end + 24
    value, wrong = _parse_digits(text, start, end)
    rows = np.flatnonzero(wrong)
    rows = rows[text[np.minimum(start[rows], len(text) - 1)] == ord("-")]
    if len(rows):
        value[rows], wrong[rows] = _parse_digits(text, start[rows] + 1, end[rows])
        value[rows] *= -1
    return value, wrong


def _parse_digits(text: Bytes, start: Ints, end: Ints) -> tuple[Ints, Mask]:
    """Return numbers without a sign, and which texts are none."""
    digits = end - start
    longest = int(digits.max())
    value, wrong = _eight_digits(text, end, digits if longest <= 8 else np.minimum(digits, 8))
    wrong |= digits < 1
    for place, scale in ((8, 10**8), (16, 10**16)):
        if longest <= place:
            break
        rows = np.flatnonzero((digits > place) & ~wrong)
        if len(rows):
            more, bad = _eight_digits(text, end[rows] - place, np.minimum(digits[rows] - place, 8))
            value[rows] += more * scale
            wrong[rows[bad]] = True
    if longest > 18:
        wrong |= digits > 18
    return value, wrong


def _eight_digits(text: Bytes, end: Ints, digits: Ints) -> tuple[Ints, Mask]:
    """Return the numbers of 0 to 8 digits that end somewhere, and which are none.

    The 8 bytes before the end are one number of 64 bits: digits are put together in pairs, then in
    fours, then all eight, by three multiplications.
    """
    windows = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
    word = windows[end - 8]
    word ^= np.uint64(0x3030303030303030)  # digits are 0 to 9 now, and nothing else is
    before = (64 - 8 * digits).astype(np.uint64)
    word >>= before
    word <<= before
    wrong = word + np.uint64(0x7676767676767676)
    wrong |= word
    wrong &= np.uint64(0x8080808080808080)
    second = word >> np.uint64(8)
    word *= np.uint64(10)
    word += second
    pairs = np.uint64(0x000000FF000000FF)
    second = word >> np.uint64(16)
    second &= pairs
    second *= np.uint64(0x0000271000000001)
    word &= pairs
    word *= np.uint64(0x000F424000000064)
    word += second
    word >>= np.uint64(32)
    return word.astype(np.int64), wrong != 0


def parse_floats(
    text: Bytes, start: Ints, end: Ints, dot: float | None = None
) -> tuple[npt.NDArray[np.float64], Mask]:
    """Return numbers, rounded as Python does, and which texts are none; both of shape (n,)."""
    if not len(start):
        return np.zeros(0), np.zeros(0, bool)
    whole, wrong = parse_ints(text, start, end)
    value = whole.astype(np.float64)
    zeros = np.flatnonzero(whole == 0)
    value[zeros[text[np.minimum(start[zeros], len(text) - 1)] == ord("-")]] = -0.0
    # What is no whole number of few digits is looked at again.
    rows = np.flatnonzero(wrong | (whole >= _EXACT) | (whole <= -_EXACT))
    if len(rows):
        value[rows], wrong[rows] = _parse_reals(text, start[rows], end[rows], dot)
    return value, wrong


def _parse_reals(
    text: Bytes, start: Ints, end: Ints, dot: float | None
) -> tuple[npt.NDArray[np.float64], Mask]:
    size = len(start)
    length = end - start
    negative = text[np.minimum(start, len(text) - 1)] == ord("-")
    mantissa = np.zeros(size, np.int64)
    decimals = np.zeros(size, np.int64)
    points = np.zeros(size, np.int64)
    # Plain decimal numbers of few digits are a whole number over a power of ten: both are exact.
    slow: Mask = (length - negative < 1) | (length > 17)
    for place in range(min(17, int(length.max()))):
        inside = (place < length) & ~((place == 0) & negative)
        byte = text[np.minimum(start + place, len(text) - 1)]
        point = inside & (byte == ord("."))
        digit = byte - np.uint8(48)
        is_digit = inside & (digit <= 9)
        slow |= inside & ~point & ~is_digit
        points += point
        decimals += is_digit & (points > 0)
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
    slow |= (points > 1) | (mantissa >= _EXACT) | (length - negative == points)
    value = mantissa / 10.0**decimals
    value = np.where(negative, -value, value)
    wrong = np.zeros(size, bool)
    for row in np.flatnonzero(slow).tolist():
        word = text[start[row] : end[row]].tobytes()
        if dot is not None and word == b".":
            value[row] = dot
            continue
        try:
            value[row] = float(word) if b"_" not in word else _no_number()
        except ValueError:
            wrong[row] = True
    return value, wrong


def _no_number() -> NoReturn:
    raise ValueError


def open_text(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a text, decompressed if it is gzip; places can be looked up in it.

    A byte-order mark is passed over.
    """
    file = open(path, "rb")  # noqa: SIM115
    if file.read(2) != b"\x1f\x8b":
        return _behind_mark(file)
    with file:
        bgzip.require_last(path, file)
        whole = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with gzip.open(file) as packed:
                while part := packed.read(_BLOCK):
                    whole.write(part)
        except (EOFError, OSError, zlib.error) as error:
            whole.close()
            raise InputError(f"{path} is no complete gzip file: {error}") from None
    return _behind_mark(whole)


def _behind_mark(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    return file


def blocks(file: BinaryIO, size: int = _BLOCK) -> Iterator[tuple[int, bytes]]:
    """Yield place and content of blocks of whole lines."""
    place = file.tell()
    rest = b""
    while part := file.read(size):
        part = rest + part
        cut = part.rfind(b"\n") + 1
        rest = part[cut:]
        if cut:
            yield place, part[:cut]
            place += cut
    if rest:
        yield place, rest
