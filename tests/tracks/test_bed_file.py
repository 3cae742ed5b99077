"""A large BED, of which a part is read at a time, means what a small one does."""

import random

import pytest

from snakemake_storage_plugin_seqstore import tracks
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks import opening
from snakemake_storage_plugin_seqstore.tracks.operations import run
from snakemake_storage_plugin_seqstore.tracks.text import bed_file, lines
from snakemake_storage_plugin_seqstore.tracks.text.bed_file import BedFile
from snakemake_storage_plugin_seqstore.tracks.writing import write

NAMES = ["chr1", "c", "NC_000913.3", "a long name", "trackX", "b", "12345678", "1234567", "x" * 300]
NO_DATA = ["#c", "track name=x", "browser", "", "#chr1\t5\t6"]
OPERATIONS = [
    ("intersect", {}),
    ("intersect", {"strand": "same", "report": "whole"}),
    ("subtract", {}),
    ("closest", {}),
    ("merge", {}),
]


def bed(rng):
    columns, separator, end = rng.choice([3, 4, 6]), rng.choice("\t\t "), rng.choice(["\n", "\r\n"])
    chroms = [name for name in rng.sample(NAMES, 4) if separator == "\t" or " " not in name]
    rows = [(c, s, s + 20) for c in chroms for s in sorted(rng.sample(range(500), 9))]
    if rng.random() < 0.3:
        rng.shuffle(rows)
    found = []
    for number, (chrom, start, stop) in enumerate(rows):
        found += [rng.choice(NO_DATA)] * (rng.random() < 0.05)
        words = [chrom, str(start), str(stop), f"n{number}", str(number), rng.choice("+-.")]
        found.append(separator.join(words[:columns]))
    return end.join(found) + rng.choice(["", end])


def answers(folder, limit, monkeypatch):
    """Return what can be asked of two files, of which those that are larger are large."""
    monkeypatch.setattr(opening, "_LARGE", limit)
    one, other = (tracks.open(folder / name) for name in ("a.bed", "b.bed"))
    assert isinstance(one.source, BedFile) == (limit < 0)
    write(one, folder / "out.bed")
    found = [(folder / "out.bed").read_bytes()]
    for chrom in NAMES:
        found.append([*one.regions(chrom, 0, 50), *one.regions(chrom, 200, 300)])
    for operation, params in OPERATIONS:
        try:
            inputs = [one] if operation == "merge" else [one, other]
            made = run(f"intervals.{operation}", inputs, **params)
        except InputError as error:
            found.append(str(error))  # no chromosome is shared
            continue
        write(made, folder / "out.bed")
        found += [(folder / "out.bed").read_bytes(), list(made), list(made.regions("c", 0, 90))]
        found.append(list(run("intervals.merge", [made])))
    return [*found, list(one)]


@pytest.mark.parametrize("size", [40, 400, 1 << 20])
@pytest.mark.parametrize("seed", range(12))
def test_it_means_the_same(tmp_path, monkeypatch, seed, size):
    rng = random.Random(seed)
    for name in ("a.bed", "b.bed"):
        (tmp_path / name).write_bytes(bed(rng).encode())
    monkeypatch.setattr(bed_file, "blocks", lambda file: lines.blocks(file, size))
    monkeypatch.setattr(bed_file, "_BATCH", rng.choice([1, 12, 1 << 15]))
    small = answers(tmp_path, 1 << 30, monkeypatch)
    assert answers(tmp_path, -1, monkeypatch) == small


def test_a_part_is_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_LARGE", -1)
    monkeypatch.setattr(bed_file, "_BATCH", 1)
    (tmp_path / "a.bed").write_text("chr1\t1\t5\nchr2\t1\t5\nchr3\t1\tx\n")
    track = tracks.open(tmp_path / "a.bed")
    assert len(list(track.regions("chr2", 0, 9))) == 1
    made = run("intervals.intersect", [track, track]).batched.parts()
    assert [len(next(made)), len(next(made))] == [1, 1]
    with pytest.raises(InputError, match=r"a\.bed, line 3: the end is no whole number"):
        next(made)
