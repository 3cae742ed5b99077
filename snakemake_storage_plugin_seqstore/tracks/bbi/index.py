"""The index of blocks by place: an R-tree in one dimension, read node by node."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    BRANCH,
    INDEX,
    INDEX_HEADER,
    INDEX_HEADER_SIZE,
    LEAF,
    NODE,
    record,
)

_BLOCK = 256
_NODE_SIZE = struct.calcsize("<" + NODE)
_KEPT = 4096  # nodes in memory
_DEEPEST = 16

Read = Callable[[int, int], bytes]
Leaves = npt.NDArray[np.void]
Keys = npt.NDArray[np.uint64]  # chromosome and base as one number


def pack(leaves: Leaves, offset: int, end: int, per_slot: int) -> bytes:
    """Return the index of blocks.

    Parameters
    ----------
    leaves : array of LEAF, shape (n,)
        The blocks, by place.
    offset, end : int
        Where in the file the index will be, and where the blocks end.
    per_slot : int
        Records in a block at most.
    """
    block = min(_BLOCK, max(1, len(leaves)))  # nodes of a small index are small
    levels = [leaves]
    while len(levels[-1]) > block:
        below = levels[-1]
        starts = np.arange(0, len(below), block)
        above = np.zeros(len(starts), record(BRANCH, "<"))
        above["chrom"], above["start"] = below["chrom"][starts], below["start"][starts]
        keys = _keys(below["last_chrom"], below["end"])
        last = np.maximum.reduceat(keys, starts)
        above["last_chrom"], above["end"] = last >> np.uint64(32), last & np.uint64(0xFFFFFFFF)
        levels.append(above)
    whole = _keys(leaves["last_chrom"], leaves["end"]).max() if len(leaves) else np.uint64(0)
    first = (int(leaves["chrom"][0]), int(leaves["start"][0])) if len(leaves) else (0, 0)
    last_place = (int(whole) >> 32, int(whole) & 0xFFFFFFFF)
    head = (INDEX, block, len(leaves), *first, *last_place, end, per_slot, 0)
    written = [struct.pack("<" + INDEX_HEADER, *head)]
    place = offset + INDEX_HEADER_SIZE
    for depth in range(len(levels) - 1, -1, -1):
        level = levels[depth]
        size = _NODE_SIZE + block * level.itemsize
        nodes = max(1, -(-len(level) // block))
        place += nodes * size
        if depth:
            child = _NODE_SIZE + block * levels[depth - 1].itemsize
            level["offset"] = place + np.arange(len(level)) * child
        for node in range(nodes):
            part = level[node * block : (node + 1) * block]
            packed = struct.pack("<" + NODE, depth == 0, 0, len(part)) + part.tobytes()
            written.append(packed.ljust(size, b"\0"))
    return b"".join(written)


def _keys(chrom: npt.NDArray[np.uint32], base: npt.NDArray[np.uint32]) -> Keys:
    return (chrom.astype(np.uint64) << np.uint64(32)) | base.astype(np.uint64)


class _Node(NamedTuple):
    """What a node has, as views of arrays: few of its numbers are ever looked at."""

    is_leaf: bool
    starts: memoryview  # chromosome and base as one number
    ends: memoryview
    reach: memoryview  # the largest end so far
    offsets: memoryview
    sizes: memoryview


class Block(NamedTuple):
    """Where a block is.

    Parameters
    ----------
    offset, size : int
        In bytes.
    """

    offset: int
    size: int


class Index:
    """An index in a file.

    Parameters
    ----------
    read : function of (offset, size)
        Returns bytes of the file.
    offset : int
        Where the index begins.
    order : str
        Byte order, ``<`` or ``>``.
    name : str
        Name of the file, for errors.
    size : int
        Of the file, in bytes.

    Raises
    ------
    DamageError
        If there is none.
    """

    def __init__(self, read: Read, offset: int, order: str, name: str, size: int) -> None:
        self._read = read
        self._name = name
        self._order = order
        head = struct.unpack(order + INDEX_HEADER, read(offset, INDEX_HEADER_SIZE))
        if head[0] != INDEX:
            raise self._damage("it does not begin as one")
        self.count: int = head[2]
        self.per_slot: int = head[8]
        self._root = offset + INDEX_HEADER_SIZE
        self._most = size // record(LEAF, order).itemsize  # blocks that the file can name
        self._nodes: dict[int, _Node] = {}

    def _damage(self, what: str) -> DamageError:
        return DamageError(f"{self._name}: the index is damaged: {what}")

    def blocks(self, chrom: int, start: int, end: int) -> list[Block]:
        """Return the blocks that overlap a window of a chromosome, in order."""
        found: list[Block] = []
        self._find(found, set(), self._root, (chrom << 32) | start, (chrom << 32) | end, 0)
        return found

    def all_blocks(self) -> list[Block]:
        """Return all blocks, in order."""
        found: list[Block] = []
        self._find(found, set(), self._root, -1, 1 << 64, 0)
        return found

    def leaves(self) -> Leaves:
        """Return all blocks as an array of LEAF, by place.

        Raises
        ------
        DamageError
            If the index is not one.
        """
        kind = record(LEAF, "<")
        parts: list[Leaves] = []
        number = 0
        todo = [(self._root, 0)]
        seen: set[int] = set()
        most = min(self.count, self._most)
        while todo:
            place, depth = todo.pop()
            self._enter(seen, place)
            rows, is_leaf, _, _ = self._rows(place, depth)
            if is_leaf:
                parts.append(rows.astype(kind))
                number += len(rows)
            else:
                todo += [(child, depth + 1) for child in rows["offset"][::-1].tolist()]
            if number > most or len(todo) > most:
                raise self._damage("it has more blocks than it says, or than the file can hold")
        return np.concatenate(parts) if parts else np.empty(0, kind)

    def _enter(self, seen: set[int], place: int) -> None:
        """Refuse a node that is there twice: there would be no end of such."""
        if place in seen:
            raise self._damage(f"its node at byte {place} is there twice")
        seen.add(place)

    def _find(
        self, found: list[Block], seen: set[int], place: int, low: int, high: int, depth: int
    ) -> None:
        self._enter(seen, place)
        node = self._nodes.get(place) or self._load(place, depth)
        is_leaf, starts, ends, reach, offsets, sizes = node
        for item in range(bisect_right(reach, low), len(starts)):
            if starts[item] >= high:  # few items overlap a window, mostly
                break
            if ends[item] <= low:
                continue
            if is_leaf:
                found.append(Block(offsets[item], sizes[item]))
            else:
                self._find(found, seen, offsets[item], low, high, depth + 1)
        if len(found) > self._most:
            raise self._damage("it has more blocks than the file can hold")

    def _rows(self, place: int, depth: int) -> tuple[Leaves, bool, Keys, Keys]:
        """Return what a node has, whether it is a leaf, and where its items start and end."""
        is_leaf, _, count = struct.unpack(self._order + NODE, self._read(place, _NODE_SIZE))
        if is_leaf > 1 or depth > _DEEPEST:
            raise self._damage(f"there is no node at byte {place}")
        kind = record(LEAF if is_leaf else BRANCH, self._order)
        rows = np.frombuffer(self._read(place + _NODE_SIZE, count * kind.itemsize), kind)
        starts, ends = _keys(rows["chrom"], rows["start"]), _keys(rows["last_chrom"], rows["end"])
        if (starts[1:] < starts[:-1]).any() or (ends < starts).any():
            raise self._damage(f"its node at byte {place} is out of order")
        return rows, bool(is_leaf), starts, ends

    def _load(self, place: int, depth: int) -> _Node:
        rows, is_leaf, starts, ends = self._rows(place, depth)
        offsets = rows["offset"].astype(np.uint64)
        sizes = rows["size"].astype(np.uint64) if is_leaf else offsets
        arrays = (starts, ends, np.maximum.accumulate(ends), offsets, sizes)
        node = _Node(is_leaf, *(array.data for array in arrays))
        if len(self._nodes) >= _KEPT:
            self._nodes.clear()
        self._nodes[place] = node
        return node
