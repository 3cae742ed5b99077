"""``python -m bench``: measure, and put the results into the documentation."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from bench import load as loads
from bench import measure, observe, report, workflows
from bench.errors import BenchError
from bench.peers import PEERS
from bench.tracks import measure as track_tasks

ROOT = Path(__file__).parent
BEGIN, END = "<!-- results: made by `python -m bench docs` -->", "<!-- end of results -->"
REUSE = "reuse.tsv"
TRACKS = "tracks.md"

_repeats = click.option("--repeats", default=3, show_default=True, help="Medians are reported.")
_work = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=ROOT.parent / "build" / "bench",
    help="Where sequences and databases are kept, and workflows run.  [default: build/bench]",
)
_out = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=ROOT / "results",
    help="Where results, tables and plots go.  [default: bench/results]",
)


@click.group()
def main() -> None:
    """Compare seqstore with its peers."""


@main.command()
@click.argument("sets", nargs=-1, required=True)
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Which, with commas.")
@_repeats
@_work
@_out
def sequences(sets: tuple[str, ...], peers: str, repeats: int, work: Path, out: Path) -> None:
    """Measure SETS: "uniprot", "swissprot", or a number of synthetic proteins.

    Results of other sets, and of other peers on the same set, stay in the folder of results.
    """
    chosen = peers.split(",")
    unknown = [peer for peer in chosen if peer not in PEERS]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r}; there are {', '.join(PEERS)}", param_hint="peers"
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in sets:
        if name not in ("uniprot", "swissprot") and not name.isdigit():
            raise click.BadParameter(f"{name!r} is not a set", param_hint="SETS")
        try:
            bench = measure.Bench(name, chosen, work.resolve())
        except BenchError as error:
            click.echo(f"{name} is left out: {error}", err=True)
            continue
        results = []
        for result in bench.run(repeats):
            results.append(result)
            click.echo(f"{name}  {result.peer:18}{result.figure:22}{result.value:15.6g}", err=True)
        report.save(out, bench, results)
    report.write(out)
    click.echo((out / "tables.md").read_text())


@main.command()
@click.argument("jobs", nargs=-1, required=True, type=click.IntRange(min=2))
@_repeats
@_work
@_out
def reuse(jobs: tuple[int, ...], repeats: int, work: Path, out: Path) -> None:
    """Run workflows of so many JOBS with Snakemake alone, its --cache, and seqstore.

    Results for other numbers of jobs stay in the folder of results.
    """
    out.mkdir(parents=True, exist_ok=True)
    for number in jobs:
        results = []
        for result in workflows.run(number, repeats, work.resolve() / "reuse"):
            results.append(result)
            click.echo(
                f"{number}  {result.kind:18} {result.run:6}{result.elapsed:9.2f} s"
                f"{result.cpu:9.2f} s of CPU",
                err=True,
            )
        workflows.save(out / REUSE, results)
    click.echo(workflows.table(workflows.load(out / REUSE)))


@main.command("observe")
@_repeats
@_work
def observing(repeats: int, work: Path) -> None:
    """Run programs alone and observed, and print what observing costs."""
    costs = []
    for cost in observe.run(repeats, work.resolve() / "observe"):
        costs.append(cost)
        click.echo(f"{cost.job:20}{cost.observed / cost.alone:8.2f}", err=True)
    click.echo(observe.table(costs))


@main.command()
@click.option("--processes", default=16, show_default=True, help="So many publish at a time.")
@click.option("--seconds", default=60.0, show_default=True, help="For so long.")
@click.option("--names", default=10_000, show_default=True, help="Among so many names.")
@click.option("--mebibytes", default=256, show_default=True, help="Size of each large file.")
@click.option("--records", default=1_000_000, show_default=True, help="So many at the end.")
@_work
def load(
    processes: int, seconds: float, names: int, mebibytes: int, records: int, work: Path
) -> None:
    """Publish from many processes beside garbage collection, and look up records."""
    for figure in loads.run(work.resolve() / "load", processes, seconds, names, mebibytes, records):
        click.echo(f"{figure.name:42}{figure.value:12.4g}")


@main.command()
@click.argument("intervals", type=click.IntRange(min=1000), default=10_000_000)
@_repeats
@_work
@_out
def tracks(intervals: int, repeats: int, work: Path, out: Path) -> None:
    """Measure tracks of so many INTERVALS next to pyBigWig, pybigtools, bedtools, samtools."""
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for result in track_tasks.run(intervals, repeats, work.resolve()):
        results.append(result)
        click.echo(
            f"{result.task:14}{result.peer:20}{result.cpu:9.2f} s of CPU{result.peak:7.0f} MiB",
            err=True,
        )
    (out / TRACKS).write_text(track_tasks.table(results, intervals))
    click.echo((out / TRACKS).read_text())


@main.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT / "results",
    help="What was measured.  [default: bench/results]",
)
def docs(results: Path) -> None:
    """Put tables and plots into the pages docs/benchmarks*.md."""
    pages = ROOT.parent / "docs"
    if (results / "results.tsv").exists():
        report.write(results)
        _put(pages / "benchmarks.md", (results / "tables.md").read_text())
        plots = pages / "benchmarks"
        plots.mkdir(exist_ok=True)
        for plot in results.glob("*.svg"):
            shutil.copy(plot, plots)
    if (results / TRACKS).exists():
        _put(pages / "benchmarks-tracks.md", (results / TRACKS).read_text())
    if runs := workflows.load(results / REUSE):
        _put(
            pages / "benchmarks-reuse.md",
            f"{workflows.about(results / REUSE)}\n\n{workflows.table(runs)}\n",
        )


def _put(page: Path, text: str) -> None:
    before, start, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise click.ClickException(f"{page} has no lines {BEGIN!r} and {END!r}")
    page.write_text(f"{before}{start}\n{text}{end}{after}")


if __name__ == "__main__":
    main()
