"""From results to tables and plots."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.measure import Bench, Result, machine
from bench.peers import PEERS

BASELINE = "starling"


class Figure(NamedTuple):
    """A column of the tables: how it is headed and what its values are multiplied with."""

    title: str
    factor: float = 1.0

    @property
    def name(self) -> str:
        """The title without its unit."""
        return self.title.rsplit(", ", 1)[0]


FIGURES = {
    "build": Figure("build, s"),
    "cpu": Figure("CPU of build, s"),
    "peak": Figure("peak, MiB"),
    "disk": Figure("disk, MB", 1e-6),
    "open": Figure("open, ms", 1e3),
    "get": Figure("gets, s"),
    "batch": Figure("batch, s"),
    "lengths": Figure("ids by length, s"),
    "header": Figure("one header, µs", 1e6),
    "meta1": Figure("metadata of one, µs", 1e6),
    "meta": Figure("metadata of a batch, s"),
    "dump": Figure("dump, s"),
}


def save(out: Path, bench: Bench, results: Sequence[Result]) -> None:
    """Put results into ``results.tsv``, in place of older ones of the same sets and peers."""
    new = {(result.set, result.peer) for result in results}
    kept = [result for result in load(out) if (result.set, result.peer) not in new]
    with open(out / "results.tsv", "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(Result._fields)
        for result in [*kept, *results]:
            writer.writerow([*result[:-1], f"{result.value:.6g}"])
    info = out / "machine.json"
    old = json.loads(info.read_text()) if info.exists() else {"sets": {}, "versions": {}}
    about = {
        "title": bench.title,
        "sequences": bench.sequences,
        "residues": bench.residues,
        "bytes": bench.size,
        "notes": bench.notes,
    }
    new_info = {
        **machine(),
        "versions": old["versions"] | bench.versions,
        "sets": old["sets"] | {bench.name: about},
    }
    info.write_text(json.dumps(new_info, indent=2) + "\n")


def load(out: Path) -> list[Result]:
    """Read ``results.tsv``, if it is there."""
    path = out / "results.tsv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    return [Result(s, int(n), peer, fig, int(rep), float(v)) for s, n, peer, fig, rep, v in rows]


def write(out: Path) -> None:
    """Write ``tables.md`` and the plots beside the results."""
    medians = _medians(load(out))
    info = json.loads((out / "machine.json").read_text())
    parts = [_about(info)]
    for name, about in sorted(info["sets"].items(), key=lambda item: item[1]["sequences"]):
        found = medians[name]
        if not found:
            continue
        parts += [
            f"### {about['title'][0].upper()}{about['title'][1:]}",
            f"{about['sequences']:,} sequences, {about['residues']:,} residues, "
            f"{about['bytes'] / 1e6:.1f} MB of FASTA.",
            _table(found),
            *(f"- {note}" for note in about["notes"]),
        ]
        if _plot_ratios(found, about["title"], out / f"ratios-{name}.svg"):
            parts.append(f"![How many times better than {BASELINE}](benchmarks/ratios-{name}.svg)")
        if scaling := _scaling_table(found):
            parts += ["Sequences per second of several readers at once:", scaling]
    synthetic = {int(name): found for name, found in medians.items() if name.isdigit() and found}
    if len(synthetic) > 1:
        _plot_growth(synthetic, out / "growth.svg")
        parts += ["### Growth", "![Cost by number of sequences](benchmarks/growth.svg)"]
    (out / "tables.md").write_text("\n\n".join(parts) + "\n")


Medians = dict[str, dict[str, float]]  # by figure and peer


def _medians(results: Iterable[Result]) -> dict[str, Medians]:
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for result in results:
        values[result.set, result.figure, result.peer].append(result.value)
    medians: dict[str, Medians] = defaultdict(lambda: defaultdict(dict))
    for (name, figure, peer), repeats in values.items():
        medians[name][figure][peer] = median(repeats)
    return medians


def _about(info: dict[str, Any]) -> str:
    used = dict.fromkeys(info["versions"][peer] for peer in PEERS if peer in info["versions"])
    return (
        f"Measured on {info['date']} on {info['cores']} cores ({info['cpu']}, "
        f"{info['memory_gib']} GiB) with Python {info['python']}, SQLite {info['sqlite']}, "
        f"zstandard {info['zstandard']}; {', '.join(used)}."
    )


def _table(found: Medians) -> str:
    peers = [peer for peer in PEERS if peer in found["build"]]
    rows = [["", *(figure.title for figure in FIGURES.values())]]
    for peer in peers:
        values = [found[figure].get(peer) for figure in FIGURES]
        factors = [figure.factor for figure in FIGURES.values()]
        rows.append([peer, *map(shown, values, factors)])
    return markdown(rows)


def _scaling_table(found: Medians) -> str | None:
    figures = [figure for figure in found if figure.count("-") == 2]
    if not figures:
        return None
    rows = [["", *(_reader_title(figure) for figure in figures)]]
    for peer in PEERS:
        values = [found[figure].get(peer) for figure in figures]
        if any(value is not None for value in values):
            rows.append([peer, *("wrong answers" if v == 0 else shown(v, 1) for v in values)])
    return markdown(rows)


def _reader_title(figure: str) -> str:
    kind, how, number = figure.split("-")
    if number == "1":
        how = how.removesuffix("es") if how == "processes" else "thread"
    return f"{kind}, {number} {how}"


def shown(value: float | None, factor: float = 1.0) -> str:
    """Return a value as tables show it."""
    if value is None:
        return "-"
    value *= factor
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.1f}"


def markdown(rows: list[list[str]]) -> str:
    """Return a table whose first row is its head."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body])


def _plot_ratios(found: Medians, title: str, path: Path) -> bool:
    """Plot, for each figure, how many times better than the baseline each peer is."""
    import altair as alt

    rows = [
        {"figure": FIGURES[figure].name, "peer": peer, "ratio": baseline / value}
        for figure in FIGURES
        if (baseline := found[figure].get(BASELINE))
        for peer, value in found[figure].items()
        if value
    ]
    if not rows:
        return False
    peers = [peer for peer in PEERS if peer in found["build"]]
    figures = [figure.name for figure in FIGURES.values()]
    base = alt.Chart().encode(
        x=alt.X("ratio:Q", scale=alt.Scale(type="log"), title=None, axis=alt.Axis(tickCount=4)),
        y=alt.Y("peer:N", sort=peers, title=None),
    )
    points = base.mark_circle(size=70, opacity=1).encode(
        color=alt.condition(
            "indexof(datum.peer, 'seqstore') == 0", alt.value("#d95f02"), alt.value("#7570b3")
        )
    )
    line = alt.Chart().mark_rule(color="#999").encode(x=alt.datum(1))
    chart = (
        alt.layer(line, points, data=alt.Data(values=rows))
        .properties(width=170, height=17 * len(peers))
        .facet(alt.Facet("figure:N", sort=figures, title=None), columns=4)
        .resolve_scale(x="independent")
        .properties(title=f"Times better than {BASELINE}: {title}")
    )
    chart.save(str(path))
    return True


def _plot_growth(synthetic: dict[int, Medians], path: Path) -> None:
    """Plot cost by number of sequences, both axes logarithmic."""
    import altair as alt

    chosen = ("build", "disk", "get", "batch", "lengths", "meta1", "meta", "dump")
    rows = [
        {
            "figure": FIGURES[figure].title,
            "peer": peer,
            "sequences": sequences,
            "value": value * FIGURES[figure].factor,
        }
        for sequences, found in synthetic.items()
        for figure in chosen
        for peer, value in found[figure].items()
    ]
    log = alt.Scale(type="log")
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("sequences:Q", scale=log, axis=alt.Axis(format="~s", tickCount=4)),
            y=alt.Y("value:Q", scale=log, title=None, axis=alt.Axis(format="~g", tickCount=4)),
            color=alt.Color(
                "peer:N", sort=list(PEERS), title=None, scale=alt.Scale(scheme="paired")
            ),
            facet=alt.Facet(
                "figure:N", columns=4, title=None, sort=[FIGURES[name].title for name in chosen]
            ),
        )
        .properties(width=190, height=150, title="Cost by number of sequences")
        .resolve_scale(y="independent")
    )
    chart.save(str(path))
