import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import starling
from bench.errors import NotInstalled
from snakemake_storage_plugin_seqstore.sequences import SequenceStore

RECORDS = [
    ("sp|P1|ALPHA first protein", "MKVLAAGIVGLLLAQPSQA"),
    ("sp|P2|BETA", "M" * 300),
    ("sp|P3|GAMMA déjà vu", "ACDEFGHIKLMNPQRSTVWY" * 9),
    ("sp|P10|ALPHA2 first protein", "MKVLAAGIVGLLLAQPSQA"),
]


def fasta_text(records: list[tuple[str, str]] = RECORDS) -> bytes:
    return "".join(f">{header}\n{seq}\n" for header, seq in records).encode()


def row(gid: int, header: str | None, seq: str, compress: bool = True) -> tuple[Any, ...]:
    return (
        gid,
        len(seq),
        SequenceStore.hash8(seq),
        SequenceStore.encode_seq(seq, compress),
        0,
        gid,
        SequenceStore.encode_header(header, compress),
    )


def write(path: Path, records: list[tuple[str, str]] = RECORDS, compress: bool = True) -> Path:
    with SequenceStore.open_writer(path) as writer:
        writer.insert_rows([row(i, h, s, compress) for i, (h, s) in enumerate(records)])
    return path


def many(number: int) -> list[tuple[str, str]]:
    """Records that a dictionary can be trained on."""
    return [
        (
            f"tr|A{i:05d}|A{i:05d}_HUMAN Putative uncharacterized protein {i * i} OS=Homo sapiens",
            "".join("ACDEFGHIKLMNPQRSTVWY"[(i * k * k + k) % 20] for k in range(1, 40 + i % 90)),
        )
        for i in range(number)
    ]


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "in.fasta"
    path.write_bytes(fasta_text())
    return path


@pytest.fixture(params=["portable", "compact", "rows"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SequenceStore]:
    """The same records, as every kind of file that a reader meets."""
    path = tmp_path / "store.sqlite"
    if request.param == "rows":
        write(path)
    else:
        source = tmp_path / "source.fasta"
        source.write_bytes(fasta_text(RECORDS + many(400)))
        SequenceStore.build(path, [source], encoding=request.param)
    with SequenceStore.open_reader(path) as reader:
        yield reader


@pytest.fixture(scope="session")
def starling_store(request: pytest.FixtureRequest) -> Any:
    """The real class of starling."""
    given = os.environ.get("SEQSTORE_TEST_CACHE")
    cache = Path(given) if given else request.config.cache.mkdir("starling")
    try:
        return starling.load(cache)
    except NotInstalled as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def litter() -> Callable[[Path], list[str]]:
    def find(directory: Path) -> list[str]:
        return sorted(p.name for p in directory.iterdir() if p.name.startswith("."))

    return find
