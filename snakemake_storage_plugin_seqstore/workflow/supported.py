"""Which Snakemake this package knows."""

from __future__ import annotations

from importlib.metadata import version

OLDEST = "9.23.1"


def is_supported() -> bool:
    """Whether the Snakemake that is installed is new enough for reuse."""
    return _parts(version("snakemake")) >= _parts(OLDEST)


def _parts(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")[:3] if part.isdigit())
