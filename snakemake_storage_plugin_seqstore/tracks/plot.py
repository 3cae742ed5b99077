"""Draw tracks of a region below each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore import charts
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.opening import open_track
from snakemake_storage_plugin_seqstore.tracks.places import Place, parse_place
from snakemake_storage_plugin_seqstore.tracks.region import Region
from snakemake_storage_plugin_seqstore.tracks.signal import bin_edges, binned
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, SignalTrack
from snakemake_storage_plugin_seqstore.tracks.views import knows_lengths, lengths_of

_MOST = 2000  # intervals that can be told apart in a figure
_LANE = 16  # pixels
_COLORS = ("#2f6f8f", "#b5651d", "#5b7f3b", "#7d5ba6", "#a63d57", "#4a4a4a")


def plot(
    paths: Sequence[str],
    target: str | os.PathLike[str],
    region: str = "",
    bins: int = 500,
    width: int = 700,
    height: int = 70,
    labels: Sequence[str] = (),
    title: str = "",
) -> None:
    """Draw signals as areas, and intervals as boxes with their names, in the order of the files.

    Parameters
    ----------
    paths : sequence of str
        Files of tracks.
    target : path
        Ends in ``.svg``, ``.png`` or ``.html``, which says the format.
    region : str
        Such as ``chr1:1-1000``, from 1, both ends included; may be left out if there is only one
        chromosome.
    bins : int
        Into how many bins of equal size signals are summarised, by their mean.
    width, height : int
        Of a signal, in pixels.
    labels : sequence of str
        What tracks are called; the names of the files if it is left out.
    title : str
        What stands above; the region if it is left out.

    Raises
    ------
    InputError
        If there is no such region, or a track has no places or too many intervals there.
    """
    charts.check_suffix(target)
    alt = charts.altair()
    tracks = [open_track(path) for path in paths]
    if labels and len(labels) != len(tracks):
        raise InputError(f"there are {len(labels)} labels for {len(tracks)} tracks")
    place = _place(region, tracks)
    rows = []
    for number, track in enumerate(tracks):
        label = labels[number] if labels else track.name
        color = _COLORS[number % len(_COLORS)]
        x = _x(alt, place, has_numbers=track is tracks[-1])
        if isinstance(track, SignalTrack):
            chart = _area(alt, track, x, place, bins, label, color).properties(height=height)
        elif isinstance(track, IntervalTrack):
            chart = _boxes(alt, track, x, place, width, label, color)
        else:
            raise InputError(f"the table {track.name!r} has no places: it cannot be drawn")
        rows.append(chart.properties(width=width))
    shown = f"{place.chrom}:{place.start + 1:,}-{place.end:,}"
    heading = alt.TitleParams(title or shown, subtitle=shown if title else "", anchor="start")
    charts.save(alt.vconcat(*rows, title=heading, spacing=8).resolve_scale(x="shared"), target)


def _place(region: str, tracks: Sequence[Any]) -> Place:
    lengths: dict[str, int] = {}
    for track in tracks:
        for chrom, length in lengths_of(track).items():
            lengths[chrom] = max(length, lengths.get(chrom, 0))
    if not region and len(lengths) != 1:
        raise InputError("the param 'region' is missing", "e.g. region='chr1:1-10000'")
    place = parse_place(region or next(iter(lengths)), lengths, any(map(knows_lengths, tracks)))
    if place.start == place.end:
        raise InputError(f"region {region}: no track goes as far as that")
    return place


def _x(alt: Any, place: Place, has_numbers: bool) -> Any:
    scale = alt.Scale(domain=[place.start, place.end], nice=False, zero=False)
    axis = alt.Axis(format=",d", grid=False, labels=has_numbers)
    return alt.X("start:Q", scale=scale, axis=axis, title=None)


def _area(
    alt: Any, track: SignalTrack, x: Any, place: Place, bins: int, label: str, color: str
) -> Any:
    edges = bin_edges(place.start, place.end, min(bins, place.end - place.start))
    values = binned(track.signal.runs(place.chrom, place.start, place.end), edges, "mean")
    rows = [
        {"start": int(start), "end": int(end), "value": float(value)}
        for start, end, value in zip(edges[:-1], edges[1:], values, strict=True)
        if not np.isnan(value)
    ]
    # A signal that has no 0 in it is drawn where it is.
    low, high = (np.nanmin(values), np.nanmax(values)) if rows else (0.0, 1.0)
    is_far = low > 0 and high - low < low
    base = float(low) if is_far else 0.0
    y = alt.Y("value:Q", title=label, scale=alt.Scale(zero=not is_far), axis=_axis(alt))
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(color=color, aria=False)
        .encode(x=x, x2="end:Q", y=y, y2=alt.datum(base))
    )


def _axis(alt: Any) -> Any:
    return alt.Axis(tickCount=3, titleAngle=0, titleAlign="right", titleAnchor="middle")


def _boxes(
    alt: Any, track: IntervalTrack, x: Any, place: Place, width: int, label: str, color: str
) -> Any:
    found = list(track.regions(place.chrom, place.start, place.end))
    if len(found) > _MOST:
        raise InputError(
            f"{track.name!r} has {len(found):,} intervals there; at most {_MOST:,} are drawn",
            "draw a smaller region, or their coverage",
        )
    scale = width / (place.end - place.start)  # pixels a base
    lanes = _lanes(found, scale)
    rows = [
        {
            "start": max(one.start, place.start),
            "end": min(one.end, place.end),
            "name": _arrow(one),
            "lane": lane,
            "middle": (max(one.start, place.start) + min(one.end, place.end)) / 2,
        }
        for one, lane in zip(found, lanes, strict=True)
    ]
    y = alt.Y(
        "lane:O",
        title=label,
        axis=alt.Axis(
            labels=False,
            ticks=False,
            domain=False,
            titleAngle=0,
            titleAlign="right",
            titleAnchor="middle",
        ),
        scale=alt.Scale(domain=list(range(max(lanes, default=0) + 1)), paddingInner=0.25),
    )
    data = alt.InlineData(values=rows)
    boxes = alt.Chart(data).mark_bar(color=color, opacity=0.55, aria=False)
    names = alt.Chart(data).mark_text(fontSize=9, limit=width, aria=False)
    chart = boxes.encode(x=x, x2="end:Q", y=y) + names.encode(
        x=alt.X("middle:Q"), y=y, text="name:N"
    )
    return chart.properties(height=_LANE * (max(lanes, default=0) + 1))


def _arrow(region: Region) -> str:
    marks = {"+": f"{region.name} \u2192", "-": f"\u2190 {region.name}"}
    return marks.get(region.strand, region.name) if region.name else ""


def _lanes(regions: Sequence[Region], scale: float) -> list[int]:
    """Return a lane for each region, by start, so that neither boxes nor names meet."""
    ends: list[float] = []
    found = []
    for region in regions:
        middle = (region.start + region.end) / 2 * scale
        half = max(region.length * scale, 6 * len(_arrow(region))) / 2 + 1
        lane = next((n for n, end in enumerate(ends) if end <= middle - half), len(ends))
        if lane == len(ends):
            ends.append(0.0)
        ends[lane] = middle + half
        found.append(lane)
    return found
