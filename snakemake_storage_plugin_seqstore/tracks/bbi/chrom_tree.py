"""The tree of chromosomes of a file: names, numbers, lengths."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    CHROM_TREE,
    NODE,
    TREE_HEADER,
    TREE_HEADER_SIZE,
)

_BLOCK = 256
_NODE_SIZE = struct.calcsize("<" + NODE)
_DEEPEST = 16
_WIDEST = 1 << 16  # bytes of a name

Read = Callable[[int, int], bytes]


def pack(chroms: dict[str, int], offset: int) -> bytes:
    """Return the tree for chromosomes that are numbered in their order.

    Parameters
    ----------
    chroms : dict of str to int
        Names and lengths in bp.
    offset : int
        Where in the file the tree will be.
    """
    numbered = {name.encode(): (number, size) for number, (name, size) in enumerate(chroms.items())}
    names = sorted(numbered)
    block = min(_BLOCK, max(1, len(names)))
    width = max(map(len, names), default=1)
    header = (CHROM_TREE, block, width, 8, len(names), 0)
    levels: list[list[bytes]] = []  # from the leaves to the root, nodes of each
    keys = names
    items = [name.ljust(width, b"\0") + struct.pack("<II", *numbered[name]) for name in names]
    size = _NODE_SIZE + block * (width + 8)
    firsts: list[list[bytes]] = []
    while True:
        starts = range(0, len(items), block) or range(1)
        nodes = []
        for start in starts:
            part = items[start : start + block]
            head = struct.pack("<" + NODE, not levels, 0, len(part))
            nodes.append((head + b"".join(part)).ljust(size, b"\0"))
        firsts.append([keys[start] if keys else b"" for start in starts])
        levels.append(nodes)
        if len(nodes) == 1:
            break
        keys = firsts[-1]
        items = [key.ljust(width, b"\0") + bytes(8) for key in keys]  # places are filled in below
    place = offset + TREE_HEADER_SIZE
    written = [struct.pack("<" + TREE_HEADER, *header)]
    for depth in range(len(levels) - 1, -1, -1):
        below = place + len(levels[depth]) * size
        for number, node in enumerate(levels[depth]):
            if depth:
                node = _with_places(node, width, below + number * block * size, size)
            written.append(node)
        place = below
    return b"".join(written)


def _with_places(node: bytes, width: int, first: int, size: int) -> bytes:
    count = struct.unpack_from("<" + NODE, node)[2]
    table = bytearray(node)
    for child in range(count):
        struct.pack_into(
            "<Q", table, _NODE_SIZE + child * (width + 8) + width, first + child * size
        )
    return bytes(table)


def read(read: Read, offset: int, order: str) -> dict[str, tuple[int, int]]:
    """Return number and length of each chromosome, by number.

    Raises
    ------
    DamageError
        If the tree is not one.
    """
    head = read(offset, TREE_HEADER_SIZE)
    magic, _, width, value, count, _ = struct.unpack(order + TREE_HEADER, head)
    if magic != CHROM_TREE or value != 8 or not 0 < width <= _WIDEST:
        raise DamageError("the list of chromosomes is damaged: it does not begin as one")
    leaf = np.dtype([("key", f"S{width}"), ("id", order + "u4"), ("size", order + "u4")])
    branch = np.dtype([("key", f"S{width}"), ("child", order + "u8")])
    found: list[tuple[int, str, int]] = []
    todo = [(offset + TREE_HEADER_SIZE, 0)]
    seen: set[int] = set()
    while todo:
        place, depth = todo.pop()
        if place in seen:
            raise DamageError(f"the list of chromosomes is damaged: byte {place} is there twice")
        seen.add(place)
        is_leaf, _, items = struct.unpack(order + NODE, read(place, _NODE_SIZE))
        if depth > _DEEPEST or is_leaf > 1 or len(found) > count:
            raise DamageError("the list of chromosomes is damaged: a node is not one")
        rows = np.frombuffer(
            read(place + _NODE_SIZE, items * (width + 8)), leaf if is_leaf else branch
        )
        if not is_leaf:
            todo += [(child, depth + 1) for child in reversed(rows["child"].tolist())]
            continue
        for key, number, size in rows.tolist():
            found.append((number, key.decode(errors="replace"), size))
    if len(found) != count:
        raise DamageError(f"the list of chromosomes is damaged: {len(found)} of {count} are there")
    return {name: (number, size) for number, name, size in sorted(found)}
