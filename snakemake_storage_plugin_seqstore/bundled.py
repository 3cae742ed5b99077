"""The Snakemake wrappers that come with the package."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError

# Raised when a wrapper makes other outputs from the same inputs and params.
VERSIONS = {
    "genomes/gc": 1,
    "genomes/publish": 1,
    "sequences/build": 1,
    "sequences/extract": 1,
    "sequences/publish": 1,
    "sequences/stats": 1,
    "tracks/combine": 1,
    "tracks/convert": 1,
    "tracks/coverage": 1,
    "tracks/intersect": 1,
    "tracks/plot": 1,
    "tracks/publish": 1,
    "tracks/stats": 1,
    "tracks/transform": 1,
}


@dataclass(frozen=True)
class Offer:
    """The operations of a wrapper.

    Parameters
    ----------
    operations : tuple of str
        Their ids; a rule's param ``operation`` names one.
    default : tuple of str
        Without that param it is the first of these that takes so many inputs.
    """

    operations: tuple[str, ...]
    default: tuple[str, ...] = ()


# What these wrappers make has the provenance of the operation, whoever computes it.
OFFERS = {
    "genomes/gc": Offer(("genome.gc", "genome.skew"), ("genome.gc",)),
    "tracks/combine": Offer(("combine",), ("combine",)),
    "tracks/coverage": Offer(
        ("coverage.reads", "coverage.intervals"), ("coverage.reads", "coverage.intervals")
    ),
    "tracks/intersect": Offer(
        (
            "intervals.intersect",
            "intervals.subtract",
            "intervals.merge",
            "intervals.closest",
            "intervals.complement",
        ),
        ("intervals.intersect",),
    ),
    "tracks/transform": Offer(
        (
            "transform.log",
            "transform.scale",
            "transform.clip",
            "transform.threshold",
            "transform.normalize",
            "transform.fill",
            "transform.bin",
            "transform.smooth",
        )
    ),
}


def wrapper(name: str) -> str:
    """Return the URI of a bundled wrapper, for a rule's ``wrapper:`` directive.

    Parameters
    ----------
    name : str
        ``<collection>/<action>``, e.g. ``"sequences/build"``.

    Returns
    -------
    str
        A ``file://`` URI of the wrapper's directory. Snakemake appends ``wrapper.py`` to it, and
        ``environment.yaml`` where software is deployed with conda. Special characters stay as
        they are: Snakemake cuts the scheme off and takes the rest as a plain path.

    Raises
    ------
    InputError
        There is no wrapper of that name; the message lists those that there are.
    """
    root = _wrappers_dir()
    names = sorted(path.parent.relative_to(root).as_posix() for path in root.glob("*/*/wrapper.py"))
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"there is no wrapper '{name}'; the wrappers are {', '.join(names)}",
            f"did you mean '{close[0]}'?" if close else "",
        )
    return f"file://{root / name}"


def operation(uri: str) -> str | None:
    """What a bundled wrapper does, with its version; None for any other wrapper.

    Parameters
    ----------
    uri : str
        What stands in a rule's ``wrapper:`` directive.
    """
    name = _name(uri)
    return f"wrapper {name} {VERSIONS[name]}" if name else None


def offer(uri: str) -> Offer | None:
    """The operations that a bundled wrapper offers; None if it is another one, or has none."""
    return OFFERS.get(_name(uri))


def _name(uri: str) -> str:
    """The name of a bundled wrapper; empty for any other."""
    name = "/".join(uri.rstrip("/").split("/")[-2:])
    return name if name in VERSIONS and wrapper(name) == uri.rstrip("/") else ""


def _wrappers_dir() -> Path:
    """Return the directory of the wrappers: in an installed package, else in the checkout."""
    package = Path(__file__).parent
    installed = package / "wrappers"
    return installed if installed.is_dir() else package.parent / "wrappers"
