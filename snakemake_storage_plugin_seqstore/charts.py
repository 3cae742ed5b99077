"""What all plots share: altair, which is an extra, and files of each format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.output import partial

SUFFIXES = (".svg", ".png", ".html")
INK, GRID, LINE = "#2f6f8f", "#dddddd", "#888888"


def altair() -> Any:
    """Return altair.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import altair
    except ImportError:
        raise InputError(
            "plots need altair and vl-convert-python",
            "pip install 'snakemake-storage-plugin-seqstore[plots]'",
        ) from None
    return altair


def check_suffix(path: str | os.PathLike[str]) -> Path:
    """Refuse a file whose suffix says no format of plots.

    Raises
    ------
    InputError
        Naming those that there are.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"{path}: its suffix does not say which format is wanted",
            f"allowed: {', '.join(SUFFIXES)}",
        )
    return path


def save(chart: Any, path: str | os.PathLike[str]) -> None:
    """Write a chart; the file appears when it is complete.

    Parameters
    ----------
    chart : altair.Chart
        The chart.
    path : path
        Ends in ``.svg``, ``.png`` or ``.html``, which says the format.

    Raises
    ------
    InputError
        If it ends in anything else.
    """
    styled = chart.configure_view(stroke=None).configure_axis(
        gridColor=GRID, domainColor=LINE, tickColor=LINE
    )
    with partial(check_suffix(path)) as part:
        if Path(path).suffix == ".html":
            styled.save(str(part), format="html", inline=True)
        else:
            styled.save(str(part), scale_factor=2)
