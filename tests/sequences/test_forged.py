"""Files that somebody made on purpose, with right checksums: an error of ours, or an answer."""

import io
import json
import sqlite3
import subprocess
import sys
import textwrap
import zlib
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import InputError, SeqstoreError
from snakemake_storage_plugin_seqstore.sequences import (
    Selection,
    SequenceStore,
    compact_format,
    schema,
)
from snakemake_storage_plugin_seqstore.sequences.compact_format import (
    CHUNK_NUMBERS,
    CRC,
    ENTRY,
    HEAD,
    PAGE_RECORDS,
    TAIL,
)
from snakemake_storage_plugin_seqstore.sequences.views import write_view

from .conftest import RECORDS, fasta_text, many, row, write

EXAMPLES = max(300, settings().max_examples)


class Forge:
    """The parts of a compact file, to be changed and put together with right checksums."""

    def __init__(self, whole: bytes) -> None:
        start, size, _ = TAIL.unpack(whole[-TAIL.size :])
        self.footer: Any = json.loads(zstandard.decompress(whole[start : start + size]))
        self.tables = {}
        for name, (at, length) in self.footer["tables"].items():
            numbers = array("Q")
            while len(numbers) < length:
                chunk = min(CHUNK_NUMBERS, length - len(numbers))
                numbers.frombytes(whole[at + CRC.size : at + CRC.size + 8 * chunk])
                at += CRC.size + 8 * chunk
            self.tables[name] = numbers
        blocks, pages = self.tables["blocks"], self.tables["pages"]
        self.blocks = [whole[a:b] for a, b in pairwise(blocks)]
        self.entries: list[list[list[int]]] = []
        self.headers: list[bytes] = []
        left = self.footer["records"]
        for a, b in pairwise(pages):
            count = min(PAGE_RECORDS, left)
            left -= count
            end = a + CRC.size + count * ENTRY.size
            self.entries.append([list(e) for e in ENTRY.iter_unpack(whole[a + CRC.size : end])])
            self.headers.append(whole[end:b])
        # What is None is made anew from the parts, else taken as it is.
        self.places: dict[str, array[int]] | None = None
        self.text: bytes | None = None

    def whole(self) -> bytes:
        out = io.BytesIO()
        out.write(HEAD.pack(compact_format.MAGIC, compact_format.VERSION))
        places = {"blocks": array("Q", [out.tell()]), "pages": array("Q")}
        for block in self.blocks:
            out.write(block)
            places["blocks"].append(out.tell())
        places["pages"].append(out.tell())
        for entries, headers in zip(self.entries, self.headers, strict=True):
            packed = b"".join(ENTRY.pack(*entry) for entry in entries)
            out.write(CRC.pack(zlib.crc32(packed)) + packed + headers)
            places["pages"].append(out.tell())
        for name in ("blocks", "pages", "lengths", "hashes", "names"):
            numbers = (self.places or places).get(name, self.tables[name])
            start = out.tell()
            for at in range(0, len(numbers), CHUNK_NUMBERS):
                chunk = numbers[at : at + CHUNK_NUMBERS].tobytes()
                out.write(CRC.pack(zlib.crc32(chunk)) + chunk)
            if self.text is None and isinstance(self.footer.get("tables"), dict):
                known = self.footer["tables"].get(name)
                if (
                    isinstance(known, list)
                    and len(known) == 2
                    and known[1] == len(self.tables[name])
                ):
                    self.footer["tables"][name] = [start, len(numbers)]
        frame = zstandard.compress(self.text or json.dumps(self.footer).encode())
        out.write(frame + TAIL.pack(out.tell(), len(frame), compact_format.MAGIC))
        return out.getvalue()


READS: list[Callable[[SequenceStore], object]] = [
    len,
    list,
    lambda store: [store.get_seq(gid) for gid in range(-1, 90)],
    lambda store: store.get_many_seqs(range(90)),
    lambda store: store.get_many_seqs([3, 70]),
    lambda store: store.get_many_meta(range(90)),
    lambda store: [store.get_header_len(gid) for gid in range(90)],
    lambda store: list(store.records([5, 80, 5])),
    lambda store: store.write_fasta(io.BytesIO()),
    lambda store: store.get_gids_by_length_range(None, None),
    lambda store: store.get_gids_by_length_range(20, 60),
    lambda store: [store.find_hash(SequenceStore.hash8(seq)) for _, seq in RECORDS],
    lambda store: [store.find_name(header.split()[0]) for header, _ in RECORDS],
    lambda store: [store.find_header(header) for header, _ in RECORDS],
    lambda store: store.select(Selection(name="*H*", header="*[ae]*")),
]


def _ask_everything(path: Path) -> bool:
    """Say whether a file passed deep validation; whatever is asked, only our errors may come."""
    try:
        store = SequenceStore.open_reader(path)
    except SeqstoreError:
        with pytest.raises(SeqstoreError):
            SequenceStore.validate(path, deep=True)
        return False
    with store:
        for read in READS:
            try:
                read(store)
            except SeqstoreError as error:
                assert str(path) in str(error)
    for format in ("fasta", "tsv"):
        try:
            write_view(path, Selection(min_len=2), format, io.BytesIO())
        except SeqstoreError as error:
            assert str(path) in str(error)
    try:
        SequenceStore.validate(path, deep=True)
    except SeqstoreError as error:
        assert str(path) in str(error)
        return False
    return True


@pytest.fixture(scope="module")
def compact(tmp_path_factory) -> bytes:
    directory = tmp_path_factory.mktemp("compact")
    source, path = directory / "in.fasta", directory / "db"
    records = [*RECORDS, *many(75), ("long", "ACDEFGHIKLMNPQRSTVWY" * 300)]
    source.write_bytes(fasta_text([*records, ("copy", records[5][1])]))
    SequenceStore.build(path, [source], encoding="compact")
    return path.read_bytes()


INTEGERS = st.one_of(
    st.sampled_from([0, 1, -1, 31, 32, 79, 80, 81, 2048, 2**31, 2**32 - 1, 2**62, 2**63 - 1]),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-100, 20_000),
)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), INTEGERS, st.just(10**40), st.floats(), st.text(max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
# Between a number that is nearly right and any at all.
NEAR = st.one_of(
    st.tuples(st.just("add"), st.integers(-40, 40)), st.tuples(st.just("set"), INTEGERS)
)
FRAMES = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=300).map(zstandard.compress),
    st.tuples(st.sampled_from([b"A", b"\n", b"\0", b"h\n"]), st.integers(0, 300_000)).map(
        lambda pair: zstandard.compress(pair[0] * pair[1])
    ),
    st.text("ab\n\r>\t é\x1b", max_size=200).map(lambda text: zstandard.compress(text.encode())),
)


# Of the columns of an entry.
LIMITS = [(-(2**63), 2**63 - 1), (0, 2**64 - 1), (0, 2**32 - 1), (0, 2**32 - 1)]


def _near(old: int, change: tuple[str, int], low: int, high: int) -> int:
    kind, value = change
    return min(max(old + value if kind == "add" else value, low), high)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, Any]]:
    kinds = {
        "footer": st.tuples(
            st.sampled_from(["records", "residues", "longest", "shards", "tables", "more"]),
            st.one_of(JSON, NEAR),
        ),
        "place": st.tuples(
            st.sampled_from(["blocks", "pages", "lengths", "hashes", "names"]),
            st.integers(0, 1),
            st.one_of(JSON, NEAR),
        ),
        "json": st.one_of(
            JSON.map(lambda value: json.dumps(value).encode()),
            st.binary(max_size=40),
            st.sampled_from(
                [b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000, b"[]" + b" " * 5_000_000]
            ),
        ),
        "number": st.tuples(
            st.sampled_from(["blocks", "pages", "lengths", "hashes", "names"]),
            st.integers(0, 200),
            NEAR,
        ),
        "entry": st.tuples(st.integers(0, 200), st.integers(0, 3), NEAR),
        "headers": st.tuples(st.integers(0, 2), FRAMES),
        "block": st.tuples(st.integers(0, 20), FRAMES),
        "drop": st.tuples(st.sampled_from(["block", "page"]), st.integers(0, 20)),
        "swap": st.tuples(st.sampled_from(["block", "page"]), st.integers(0, 20)),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3))
    return [(kind, draw(kinds[kind])) for kind in chosen]


def _forge(whole: bytes, wanted: list[tuple[str, Any]]) -> bytes:
    forge = Forge(whole)
    for kind, value in wanted:
        if kind == "footer":
            key, new = value
            old = forge.footer.get(key)
            near = isinstance(new, tuple) and type(old) is int
            forge.footer[key] = _near(old, new, -(2**63), 2**63) if near else new
        elif kind == "place":
            name, which, new = value
            tables = forge.footer["tables"]
            place = tables.get(name) if isinstance(tables, dict) else None
            if isinstance(place, list) and len(place) > which:
                near = isinstance(new, tuple) and type(place[which]) is int
                place[which] = _near(place[which], new, -(2**63), 2**63) if near else new
        elif kind == "json":
            forge.text = value
        elif kind == "number":
            name, index, new = value
            numbers = forge.tables[name]
            numbers[index % len(numbers)] = _near(numbers[index % len(numbers)], new, 0, 2**64 - 1)
            forge.places = dict(forge.tables)
        elif kind == "entry":
            index, column, new = value
            page = forge.entries[index // PAGE_RECORDS % len(forge.entries)]
            limits = LIMITS[column]
            entry = page[index % len(page)]
            entry[column] = _near(entry[column], new, *limits)
        elif kind == "headers":
            index, frame = value
            forge.headers[index % len(forge.headers)] = frame
        elif kind == "block":
            index, frame = value
            forge.blocks[index % len(forge.blocks)] = frame
        else:
            part, index = value
            for items in (forge.blocks,) if part == "block" else (forge.entries, forge.headers):
                at = index % len(items)
                if kind == "swap":
                    items[0], items[at] = items[at], items[0]
                elif len(items) > 1:
                    del items[at]
    return forge.whole()


def test_what_is_put_together_again_is_the_same(compact: bytes, tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(_forge(compact, []))
    assert _ask_everything(path)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=changes())
def test_forged_compact_files(compact: bytes, tmp_path_factory, wanted) -> None:
    path = tmp_path_factory.mktemp("forged") / "db"
    path.write_bytes(_forge(compact, wanted))
    _ask_everything(path)
    path.unlink()
    path.parent.rmdir()


# ---- portable

BLOBS = st.one_of(
    st.binary(max_size=20),
    st.builds(lambda flag, data: flag + data, st.sampled_from([b"\0", b"\1", b"\2"]), FRAMES),
    st.text("MK\n\r>\té蛋 ", max_size=20).map(lambda text: b"\0" + text.encode()),
)
VALUES = st.one_of(st.none(), INTEGERS, st.floats(), st.text(max_size=4), BLOBS)
SEQS = ["MKV", "M" * 70, "MK\n>x\nM", "MK\rV", "é", "M\tK", "", "M;K"]


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Rows of which some values are anything that SQLite holds, or consistent but unfit."""
    found = []
    for gid in range(draw(st.integers(1, 40))):
        seq = draw(st.sampled_from(SEQS))
        values = list(row(gid, f"h{gid}", seq, compress=draw(st.booleans())))
        for column in draw(st.lists(st.integers(1, 6), max_size=2)):
            values[column] = draw(VALUES)
        found.append(tuple(values))
    if draw(st.booleans()):
        return [(gid, length, None, *rest) for gid, length, _, *rest in found]
    return found


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(rows=rows(), gap=st.booleans())
def test_forged_portable_files(tmp_path_factory, rows: list[tuple[Any, ...]], gap: bool) -> None:
    path = tmp_path_factory.mktemp("forged") / "db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute(schema.TABLE.replace(" NOT NULL", ""))
    for index in (schema.INDEX_LEN, schema.INDEX_HASH8, schema.INDEX_HEADER):
        connection.execute(index)
    connection.executemany("INSERT INTO sequences VALUES (?,?,?,?,?,?,?)", rows)
    if gap:
        connection.execute("DELETE FROM sequences WHERE gid = 1")
    connection.close()
    _ask_everything(path)
    path.unlink()
    path.parent.rmdir()


@pytest.mark.parametrize("missing", ["hash8", "header", "shard"])
def test_a_legal_database_with_null(tmp_path: Path, missing: str) -> None:
    path = write(tmp_path / "db", RECORDS * 5)
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE sequences SET {missing} = NULL")
    connection.close()
    right = [seq for _, seq in RECORDS * 5]
    with SequenceStore.open_reader(path) as store:
        assert [record.seq for record in store] == store.get_many_seqs(range(20)) == right
        _, header, length, hash8 = store.get_many_meta(range(20))[1]
        assert (header is None, length, hash8 is None) == (
            missing == "header",
            300,
            missing == "hash8",
        )
        found = store.select(Selection(name="sp|P2*"))
    assert found == ([] if missing == "header" else [1, 5, 9, 13, 17])
    assert SequenceStore.validate(path, deep=True) == 20


@pytest.mark.parametrize(
    "seq", ["MK\n>forged\nMK", "MK\rV", "MK>V", "M K", "M\tK", "M;", "M\x1b[2J"]
)
def test_sequences_that_would_forge_records_are_refused(tmp_path: Path, seq: str) -> None:
    path = write(tmp_path / "db", [("a", "MKV"), ("b", seq)])
    assert SequenceStore.validate(path) == 2
    with pytest.raises(InputError, match="the sequence of gid 1 has the character"):
        SequenceStore.validate(path, deep=True)
    with pytest.raises(InputError, match="the sequence of gid 1 has"):
        write_view(path, Selection(), "fasta", tmp_path / "out")
    if not seq.isprintable():
        with pytest.raises(InputError, match="the sequence of gid 1 has"):
            write_view(path, Selection(), "tsv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---- memory


def _bomb(tmp_path: Path, compact: bytes, kind: str) -> Path:
    path = tmp_path / kind
    if kind == "portable":
        header = b"\1" + zstandard.compress(b"h" * 2_500_000)
        rows = [(*row(gid, "", "MKV")[:6], header) for gid in range(2000)]
        with SequenceStore.open_writer(path) as writer:
            writer.insert_rows(rows)
        return path
    forge = Forge(compact)
    if kind == "footer":
        forge.text = b" " * (1 << 30)
    else:
        size = (1 << 21) + (1 << 10) if kind == "headers" else 1 << 29
        lines = (b"h" * (size // PAGE_RECORDS) + b"\n") * PAGE_RECORDS
        forge.headers[:-1] = [zstandard.compress(lines[:-1])] * (len(forge.headers) - 1)
    path.write_bytes(forge.whole())
    return path


@pytest.mark.parametrize("kind", ["portable", "footer", "headers", "more headers"])
def test_little_on_disk_does_not_fill_the_memory(tmp_path: Path, compact: bytes, kind: str) -> None:
    path = _bomb(tmp_path, compact, kind)
    assert path.stat().st_size < 1 << 20
    code = """
        import io, re, sys
        from snakemake_storage_plugin_seqstore.errors import InputError, SeqstoreError
        from snakemake_storage_plugin_seqstore.sequences import SequenceStore
        for read in (
            list,
            lambda store: store.get_many_meta(range(2000)),
            lambda store: store.write_fasta(io.BytesIO()),
        ):
            try:
                with SequenceStore.open_reader(sys.argv[1]) as store:
                    read(store)
            except SeqstoreError as error:
                print(error)
        print(re.search("VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    *said, peak = ended.stdout.splitlines()
    assert int(peak) / 1024 < 600
    assert len(said) == 3
