"""2bit: four bases a byte, with the runs of N and the masked parts beside them.

https://genome.ucsc.edu/FAQ/FAQformat.html#format7
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import PlainFile
from snakemake_storage_plugin_seqstore.genomes.genome import Genome, Sequences

MAGIC = 0x1A412743
_HEAD = 16
_BASES = b"TCAG"  # in the order of their codes
_MAX_NAME = 255
_MAX_LENGTH = 2**32 - 1  # of a sequence; also of a file of version 0
_N = ord("N")


def is_twobit(head: bytes) -> bool:
    """Whether a file that begins like this is 2bit, of either byte order."""
    return head[:4] in (struct.pack("<I", MAGIC), struct.pack(">I", MAGIC))


@dataclass(frozen=True)
class _Blocks:
    """Where the letters of one kind are in a sequence: 0-based, half-open, in order."""

    starts: np.ndarray
    ends: np.ndarray

    def fit(self, length: int) -> bool:
        """Whether they are in order, do not overlap, and are within a sequence."""
        edges = np.column_stack((self.starts, self.ends)).reshape(-1)
        return bool((np.diff(edges) >= 0).all() and (edges[-1:] <= length).all())

    def paint(self, start: int, end: int) -> Iterator[slice]:
        """The parts of a window that are within blocks, relative to it."""
        first = np.searchsorted(self.ends, start, "right")
        last = np.searchsorted(self.starts, end, "left")
        for low, high in zip(self.starts[first:last], self.ends[first:last], strict=True):
            yield slice(max(int(low) - start, 0), min(int(high), end) - start)


class TwoBitSequences(Sequences):
    """The sequences of a 2bit file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If it is no 2bit file, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = PlainFile(path)
        self._parts: dict[str, tuple[_Blocks, _Blocks, int]] = {}
        try:
            self._offsets = self._read_index()
            lengths = {name: self._length(name) for name in self._offsets}
        except BaseException:
            self._file.close()
            raise
        super().__init__(lengths, path)

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return a window within a sequence; 0-based, half-open."""
        unknown, masked, offset = self._part(name)
        first = start // 4
        packed = self._file.read(offset + first, -(-end // 4) - first)
        if len(packed) < -(-end // 4) - first:
            raise self._damaged(f"'{name}' is cut off")
        window = _unpacking()[np.frombuffer(packed, np.uint8)].reshape(-1)
        window = window[start - 4 * first : end - 4 * first]
        for part in unknown.paint(start, end):
            window[part] = _N
        for part in masked.paint(start, end):
            window[part] |= 0x20  # lower case
        return window.tobytes()

    def check_layout(self) -> None:
        """Check that all parts of all sequences are where they can be.

        Raises
        ------
        DamageError
            If two of them overlap, or the runs of N or the masked parts make no sense.
        """
        past, before = _HEAD, ""
        for name, offset in sorted(self._offsets.items(), key=lambda pair: pair[1]):
            if offset < past:
                raise self._damaged(f"'{name}' overlaps {f'{before!r}' if before else 'its head'}")
            length = self.lengths[name]
            unknown, masked, at = self._part(name)
            if not (unknown.fit(length) and masked.fit(length)):
                raise self._damaged(f"the blocks of '{name}' are not in order, or not within it")
            past, before = at + -(-length // 4), name
        if past > self._file.size:
            raise self._damaged(f"'{before}' is cut off")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_index(self) -> dict[str, int]:
        head = self._file.read(0, _HEAD)
        if len(head) < _HEAD or not is_twobit(head):
            raise InputError(f"{self._path} is no 2bit file")
        self._order = "<" if head.startswith(struct.pack("<I", MAGIC)) else ">"
        _, version, count, _ = struct.unpack(f"{self._order}4I", head)
        if version > 1:
            raise InputError(f"{self._path} is 2bit of version {version}, which is not known")
        wide = struct.Struct(f"{self._order}{'Q' if version else 'I'}")
        index = self._file.read(_HEAD, count * (1 + _MAX_NAME + wide.size))
        offsets: dict[str, int] = {}
        at = 0
        try:
            for _ in range(count):
                end = at + 1 + index[at]
                name = index[at + 1 : end].decode()
                if name in offsets:
                    raise self._damaged(f"two sequences are called '{name}'")
                (offsets[name],) = wide.unpack_from(index, end)
                at = end + wide.size
        except (IndexError, struct.error, UnicodeDecodeError):
            raise self._damaged("its index cannot be read") from None
        if not offsets:
            raise InputError(f"{self._path} has no sequences")
        return offsets

    def _length(self, name: str) -> int:
        return int(self._numbers(name, self._offsets[name], 1)[0])

    def _part(self, name: str) -> tuple[_Blocks, _Blocks, int]:
        if name not in self._parts:
            at = self._offsets[name] + 4
            unknown, at = self._blocks(name, at)
            masked, at = self._blocks(name, at)
            self._parts[name] = unknown, masked, at + 4
        return self._parts[name]

    def _blocks(self, name: str, at: int) -> tuple[_Blocks, int]:
        count = int(self._numbers(name, at, 1)[0])
        if 8 * count > self._file.size:
            raise self._damaged(f"'{name}' is cut off")
        starts = self._numbers(name, at + 4, count)
        ends = starts + self._numbers(name, at + 4 + 4 * count, count)
        return _Blocks(starts, ends), at + 4 + 8 * count

    def _numbers(self, name: str, at: int, count: int) -> np.ndarray:
        content = self._file.read(at, 4 * count)
        if len(content) < 4 * count:
            raise self._damaged(f"'{name}' is cut off")
        return np.frombuffer(content, f"{self._order}u4").astype(np.int64)

    def _damaged(self, what: str) -> DamageError:
        return DamageError(f"{self._path} is damaged: {what}")


def write_twobit(out: BinaryIO, genome: Genome) -> None:
    """Write a genome as 2bit; little of it is in memory at once.

    Raises
    ------
    InputError
        If a sequence has letters other than A, C, G, T and N, or a name is too long: the format
        cannot hold them.
    """
    lengths = genome.chrom_lengths
    parts = {name: _found_blocks(genome, name) for name in lengths}
    names = {name: name.encode() for name in lengths}
    for name, encoded in names.items():
        if len(encoded) > _MAX_NAME:
            raise InputError(f"'{name}' is longer than {_MAX_NAME} bytes, which 2bit cannot hold")
    sizes = {
        name: 16 + 8 * (len(unknown.starts) + len(masked.starts)) + -(-lengths[name] // 4)
        for name, (unknown, masked) in parts.items()
    }
    is_long = sum(sizes.values()) + sum(map(len, names.values())) + 64 * len(names) > _MAX_LENGTH
    wide = struct.Struct("<Q" if is_long else "<I")
    out.write(struct.pack("<4I", MAGIC, int(is_long), len(lengths), 0))
    offset = _HEAD + sum(1 + len(encoded) + wide.size for encoded in names.values())
    for name, encoded in names.items():
        out.write(bytes([len(encoded)]) + encoded + wide.pack(offset))
        offset += sizes[name]
    for name, (unknown, masked) in parts.items():
        out.write(struct.pack("<I", lengths[name]))
        for blocks in (unknown, masked):
            out.write(struct.pack("<I", len(blocks.starts)))
            out.write(blocks.starts.astype("<u4").tobytes())
            out.write((blocks.ends - blocks.starts).astype("<u4").tobytes())
        out.write(struct.pack("<I", 0))
        for window in genome.windows(name):  # whose length is a multiple of four, but for the last
            out.write(_packed(window))


def _found_blocks(genome: Genome, name: str) -> tuple[_Blocks, _Blocks]:
    """Find the runs of N and the masked parts of a sequence."""
    if genome.length(name) > _MAX_LENGTH:
        raise InputError(f"'{name}' is longer than {_MAX_LENGTH} bp, which 2bit cannot hold")
    edges: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    before = [False, False]
    at = 0
    for window in genome.windows(name):
        letters = np.frombuffer(window, np.uint8)
        if foreign := window.upper().translate(None, _BASES + b"N"):
            raise InputError(
                f"'{name}' has the letter '{chr(foreign[0])}', which 2bit cannot hold",
                "it knows A, C, G, T and N",
            )
        for number, inside in enumerate(((letters & 0xDF) == _N, letters >= ord("a"))):
            changes = np.flatnonzero(np.diff(inside, prepend=before[number]))
            edges[number].append(changes + at)
            before[number] = bool(inside[-1])
        at += len(window)
    blocks = []
    for number, found in enumerate(edges):
        ends = [at] if before[number] else []
        whole = np.concatenate([*found, np.array(ends, np.int64)]).astype(np.int64)
        blocks.append(_Blocks(whole[::2], whole[1::2]))
    return blocks[0], blocks[1]


def _packed(window: bytes) -> bytes:
    codes = np.zeros(-(-len(window) // 4) * 4, np.uint8)
    codes[: len(window)] = np.frombuffer(window.translate(_codes()), np.uint8)
    quads = codes.reshape(-1, 4)
    packed = quads[:, 0] << 6 | quads[:, 1] << 4 | quads[:, 2] << 2 | quads[:, 3]
    return packed.astype(np.uint8).tobytes()


@cache
def _codes() -> bytes:
    """What each letter is packed as; N is as T."""
    codes = bytearray(256)
    for code, base in enumerate(_BASES):
        codes[base] = codes[base | 0x20] = code
    return bytes(codes)


@cache
def _unpacking() -> np.ndarray:
    """The four bases of each byte."""
    letters = np.frombuffer(_BASES, np.uint8)
    values = np.arange(256)[:, None] >> np.array([6, 4, 2, 0]) & 3
    bases: np.ndarray = letters[values]
    return bases
