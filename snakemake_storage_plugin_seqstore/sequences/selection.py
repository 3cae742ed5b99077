"""Which records of a database are meant: pure, and light to import where queries are parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.errors import QueryError

FORMATS = ("fasta", "fasta.gz", "tsv", "tsv.gz")

# A view names its gids in a query; a longer list belongs in a file.
_MAX_GIDS = 10_000_000
_KEYS = ("gids", "length", "name", "header", "sample", "seed")


@dataclass(frozen=True)
class Selection:
    """A set of records, given by what all of them have in common.

    Parameters
    ----------
    gids : tuple of int, optional
        Only these; each must exist.
    min_len, max_len : int, optional
        Only sequences with so many residues, both ends included.
    name : str, optional
        Glob (``*``, ``?``, ``[abc]``; case counts) that the header's first word matches.
    header : str, optional
        Glob that the whole header matches.
    sample : int, optional
        As many of what the other conditions leave, drawn at random without replacement.
    seed : int
        Seed of the draw. The same seed draws the same gids, whatever the Python version.
    """

    gids: tuple[int, ...] | None = None
    min_len: int | None = None
    max_len: int | None = None
    name: str | None = None
    header: str | None = None
    sample: int | None = None
    seed: int = 0

    def __str__(self) -> str:
        low, high = (("" if end is None else str(end)) for end in (self.min_len, self.max_len))
        gids = self.gids or ()
        conditions = {
            "length": f"{low}-{high}" if low or high else "",
            "gids": ",".join(map(str, gids[:5])) + ",..." * (len(gids) > 5),
            "name": self.name,
            "header": self.header,
            "sample": self.sample,
        }
        return " and ".join(
            f"{key}={value}" for key, value in conditions.items() if value not in ("", None)
        )

    @classmethod
    def parse(cls, params: Mapping[str, str]) -> Selection:
        """Read a selection from the parameters of a query.

        Parameters
        ----------
        params : mapping of str to str
            Any of ``gids`` (``1,5,10-20``), ``length`` (``50-500``, ``50-``, ``-500`` or ``68``),
            ``name`` and ``header`` (globs), ``sample`` and ``seed`` (whole numbers).
            Ranges include both ends.

        Returns
        -------
        Selection

        Raises
        ------
        QueryError
            If a key is unknown or a value cannot be read; it names the key.
        """
        for key in params:
            if key not in _KEYS:
                raise QueryError(f"unknown selection {key!r}", f"allowed: {', '.join(_KEYS)}")
        if "seed" in params and "sample" not in params:
            raise QueryError("seed has no meaning without sample", "add sample=N")
        min_len, max_len = _length(params["length"]) if "length" in params else (None, None)
        return cls(
            gids=_gids(params["gids"]) if "gids" in params else None,
            min_len=min_len,
            max_len=max_len,
            name=_glob("name", params),
            header=_glob("header", params),
            sample=_whole("sample", params["sample"]) if "sample" in params else None,
            seed=_whole("seed", params["seed"]) if "seed" in params else 0,
        )


def _whole(key: str, text: str) -> int:
    # str.isdigit and int() accept more than ASCII digits.
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise QueryError(f"{key}={text!r} is not a whole number")
    return int(text)


def _glob(key: str, params: Mapping[str, str]) -> str | None:
    if key in params and not params[key]:
        raise QueryError(f"{key} is empty", f"give a glob, e.g. {key}=sp*")
    return params.get(key)


def _length(text: str) -> tuple[int | None, int | None]:
    low, dash, high = text.partition("-")
    if not (low or high):
        raise QueryError(f"length={text!r} is not a range", "e.g. 50-500, 50-, -500 or 68")
    min_len = _whole("length", low) if low else None
    if not dash:
        return min_len, min_len
    max_len = _whole("length", high) if high else None
    if min_len is not None and max_len is not None and min_len > max_len:
        raise QueryError(f"length={text!r} is empty: its start is behind its end")
    return min_len, max_len


def _gids(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for first, last in _ranges(text):
        if len(found) + last - first >= _MAX_GIDS:
            raise QueryError(f"gids={text!r} are more than {_MAX_GIDS:,}", "use length or sample")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        low, dash, high = part.partition("-")
        first = _whole("gids", low)
        last = _whole("gids", high) if dash else first
        if last < first:
            raise QueryError(f"gids: the range {part!r} is empty: its start is behind its end")
        yield first, last
