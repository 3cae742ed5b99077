"""The sequences that are benchmarked, real and synthetic, and the right answers about them."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from bench.errors import BenchError

SETS = {"uniprot": "20,000 UniProt proteins", "swissprot": "Swiss-Prot"}
GETS, BATCH = 10_000, 100_000
SHORTEST, LONGEST = 100, 200

_UNIPROT = Path("/usr/share/doc/mmseqs2/example-data/DB.fasta.gz")
_SWISSPROT = Path("/usr/share/metastudent-data/dataset_201401")
_LINE = 60


class Key(NamedTuple):
    """What a record is asked for by: its position in the FASTA file, or its name."""

    gid: int
    name: str


@dataclass
class Plan:
    """A FASTA file, what to ask of it, and digests of the right answers.

    Parameters
    ----------
    fasta : str
        Path of the file.
    title : str
        For people.
    sequences, residues, size : int
        Records, residues and bytes of the file.
    gets, batch : list of Key
        Random records, no one twice.
    headers : list of (str, int)
        Header and length of each of ``gets``.
    right : dict
        Digest of the right answer by operation.
    """

    fasta: str
    title: str
    sequences: int
    residues: int
    size: int
    gets: list[Key]
    batch: list[Key]
    headers: list[tuple[str, int]]
    right: dict[str, str]

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read what :func:`prepare` wrote."""
        plan = cls(**json.loads(path.read_text()))
        plan.gets = [Key(*key) for key in plan.gets]
        plan.batch = [Key(*key) for key in plan.batch]
        return plan


def digest(items: Iterable[object]) -> str:
    """Return a digest of answers, in their order."""
    state = hashlib.sha1()
    for item in items:
        state.update(f"{item}\n".encode())
    return state.hexdigest()[:16]


def meta_digest(pairs: Iterable[tuple[str, int]]) -> str:
    """Return a digest of (header, length) pairs in any order.

    Blanks at the end of a header do not count: some programs drop them.
    """
    return digest(sorted((header.rstrip(), length) for header, length in pairs))


def fasta_digest(records: Iterable[tuple[str, str]]) -> str:
    """Return a digest of (header, sequence) pairs in any order; of a header the name counts."""
    total = count = 0
    for header, seq in records:
        name = header.split(None, 1)[0]
        total += int.from_bytes(hashlib.sha1(f"{name}\n{seq}".encode()).digest()[:8], "big")
        count += 1
    return f"{count}:{total % 2**64:016x}"


def read_fasta(path: Path | str) -> Iterator[tuple[str, str]]:
    """Give header and sequence of every record: the reader of all peers that have none."""
    import needletail

    for record in needletail.parse_fastx_file(str(path)):
        yield record.id, record.seq


def prepare(name: str, directory: Path) -> None:
    """Make ``seqs.fasta`` and ``plan.json`` of a set in a directory, unless they are there.

    Parameters
    ----------
    name : str
        One of :data:`SETS`, or a number of synthetic proteins.
    directory : Path
        Kept between runs.
    """
    plan = directory / "plan.json"
    if plan.exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    fasta = directory / "seqs.fasta"
    if name == "uniprot":
        _copy_uniprot(fasta)
    elif name == "swissprot":
        _copy_swissprot(fasta)
    else:
        from bench.synthetic import write

        write(fasta, int(name))
    title = SETS.get(name) or f"{int(name):,} synthetic proteins"
    part = plan.with_suffix(".part")
    part.write_text(json.dumps(asdict(_plan(fasta, title))))
    part.replace(plan)


def _copy_uniprot(fasta: Path) -> None:
    if not _UNIPROT.exists():
        raise BenchError(f"{_UNIPROT} is missing: apt-get install mmseqs2-examples")
    with gzip.open(_UNIPROT, "rb") as source, open(fasta, "wb") as target:
        shutil.copyfileobj(source, target)


def _copy_swissprot(fasta: Path) -> None:
    """Take Swiss-Prot of January 2014 out of the BLAST databases that Debian ships.

    They overlap; their titles are an accession and its annotation, behind a bar.
    """
    databases = sorted(_SWISSPROT.glob("*/goasp.fasta.pin"))
    if not databases or not shutil.which("blastdbcmd"):
        raise BenchError("Swiss-Prot is missing: apt-get install metastudent-data ncbi-blast+")
    seen: set[str] = set()
    with open(fasta, "w") as target:
        for database in databases:
            command: list[str | Path] = [
                "blastdbcmd",
                "-db",
                database.with_suffix(""),
                "-entry",
                "all",
            ]
            command += ["-outfmt", "%t\t%s"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    title, seq = line.rstrip("\n").split("\t")
                    name, _, terms = title.partition("|")
                    if name not in seen:
                        seen.add(name)
                        lines = [seq[i : i + _LINE] for i in range(0, len(seq), _LINE)]
                        target.write("\n".join([f">{name} {terms}", *lines, ""]))
            if process.returncode:
                raise BenchError(f"blastdbcmd failed on {database}")


def _plan(fasta: Path, title: str) -> Plan:
    with open(fasta, "rb") as file:
        count = sum(chunk.count(b"\n>") for chunk in _overlapping(file))
    draw = random.Random(1)
    some = range(1, count)  # BLAST+ cannot name record 0
    gets = draw.sample(some, min(GETS, len(some)))
    batch = draw.sample(some, min(BATCH, len(some)))
    wanted = {*gets, *batch}
    names: dict[int, str] = {}
    seqs: dict[int, str] = {}
    meta: dict[int, tuple[str, int]] = {}
    in_range: list[tuple[int, str]] = []
    residues = 0

    def records() -> Iterator[tuple[str, str]]:
        nonlocal residues
        for gid, (header, seq) in enumerate(read_fasta(fasta)):
            residues += len(seq)
            name = header.split(None, 1)[0]
            if SHORTEST <= len(seq) <= LONGEST:
                in_range.append((gid, name))
            if gid in wanted:
                names[gid], seqs[gid], meta[gid] = name, seq, (header, len(seq))
            yield header, seq

    dump = fasta_digest(records())
    return Plan(
        fasta=str(fasta.resolve()),
        title=title,
        sequences=count,
        residues=residues,
        size=fasta.stat().st_size,
        gets=[Key(gid, names[gid]) for gid in gets],
        batch=[Key(gid, names[gid]) for gid in batch],
        headers=[meta[gid] for gid in gets],
        right={
            "gets": digest(seqs[gid] for gid in gets),
            "batch": digest(seqs[gid] for gid in batch),
            "lengths by gid": digest(sorted(gid for gid, _ in in_range)),
            "lengths by name": digest(sorted(name for _, name in in_range)),
            "meta": meta_digest(meta[gid] for gid in batch),
            "dump": dump,
        },
    )


def _overlapping(file) -> Iterator[bytes]:  # type: ignore[no-untyped-def]
    """Give the pieces of a file, each with the last byte of the one before it."""
    last = b"\n"
    while piece := file.read(1 << 20):
        yield last + piece
        last = piece[-1:]


if __name__ == "__main__":  # in a process of its own: see bench.measure
    try:
        prepare(sys.argv[1], Path(sys.argv[2]))
        about = asdict(Plan.load(Path(sys.argv[2]) / "plan.json"))
        print(json.dumps({key: about[key] for key in ("title", "sequences", "residues", "size")}))
    except BenchError as error:
        sys.exit(str(error))
