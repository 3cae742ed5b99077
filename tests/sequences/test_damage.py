"""Portable files whose bytes are damaged: an error or the right answer, and no other error."""

import io
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from snakemake_storage_plugin_seqstore.errors import DamageError, SeqstoreError, StoreError
from snakemake_storage_plugin_seqstore.sequences import SequenceStore, schema

from .conftest import many, write

NUMBER = 90
RECORDS = many(NUMBER - 3)
RECORDS += [
    ("copy of a protein", RECORDS[3][1]),
    ("long", "ACDEFGHIKLMNPQRSTVWY" * 900),
    ("s", "M"),
]
GIDS = list(range(NUMBER))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "db", RECORDS)


def _execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    path.write_bytes(data.replace(old, new))


def _asked(ask: Callable[[], Any], right: Any) -> bool:
    """Say whether an answer was given; it must then be the right one."""
    try:
        answer = ask()
    except SeqstoreError:
        return False
    assert answer == right
    return True


def _dumped(store: SequenceStore) -> list[str]:
    """Return the sequences of a dump, whose headers are not looked at."""
    out = io.BytesIO()
    store.write_fasta(out)
    records = out.getvalue().removeprefix(b">").split(b"\n>")
    return [b"".join(record.split(b"\n")[1:]).decode() for record in records]


def _reads(store: SequenceStore) -> Iterator[tuple[Callable[[], Any], Any]]:
    """Give ways to read sequences, and what each must answer."""
    seqs = [seq for _, seq in RECORDS]
    some = [70, 3, 88, 3, 5]
    for gid, seq in enumerate(seqs):
        yield lambda gid=gid: store.get_seq(gid), seq
    for gid in (-1, NUMBER, NUMBER + 6, 127, 2**40):
        yield lambda gid=gid: store.get_seq(gid), None
    yield lambda: store.get_many_seqs(GIDS), seqs
    yield lambda: store.get_many_seqs([*GIDS, 127]), [*seqs, None]
    yield lambda: store.get_many_seqs(some), [seqs[gid] for gid in some]
    yield lambda: store.get_many_seqs(GIDS[20:60]), seqs[20:60]
    yield lambda: [(r.gid, r.seq) for r in store], list(enumerate(seqs))
    yield lambda: [(r.gid, r.seq) for r in store.records(some)], [(g, seqs[g]) for g in some]
    yield lambda: [r.seq for r in store.records(GIDS[10:30])], seqs[10:30]
    yield lambda: _dumped(store), seqs


def _finds(store: SequenceStore) -> list[Callable[[], Any]]:
    """Return ways to ask what nothing in the file can be compared with at once."""
    return [
        lambda: len(store),
        lambda: store.get_many_meta([*GIDS, NUMBER]),
        lambda: [store.get_header_len(gid) for gid in (0, 50, 89)],
        lambda: list(store),
        lambda: store.get_gids_by_length_range(None, None),
        lambda: store.get_gids_by_length_range(40, 70),
        lambda: [store.find_hash(SequenceStore.hash8(seq)) for _, seq in RECORDS[:9]],
        lambda: [store.find_name(header.split()[0]) for header, _ in RECORDS[:9]],
        lambda: [store.find_header(header) for header, _ in RECORDS[:9]],
    ]


def _examine(path: Path, right: list[Any], *, deep: bool = True) -> None:
    """Read everything from a damaged file, and find what is wrong if an answer is."""
    try:
        store = SequenceStore.open_reader(path)
    except SeqstoreError:
        return
    with store:
        for read in _reads(store):
            _asked(*read)
        answers = []
        for find in _finds(store):
            try:
                answers.append(find())
            except SeqstoreError:
                answers.append(None)
    if deep and answers != right:
        with pytest.raises(SeqstoreError):
            SequenceStore.validate(path, deep=True)


def _flip(path: Path, whole: bytes, number: int, seed: int) -> Iterator[tuple[int, int]]:
    """Write the file with one flipped bit, again and again; only where something is stored."""
    rng = random.Random(seed)
    used = [i for i in range(len(whole)) if any(whole[max(0, i - 2) : i + 3])]
    for _ in range(number):
        place, bit = rng.choice(used), rng.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        yield place, bit


@pytest.mark.parametrize(
    ("number", "seed"), [(250, 1), pytest.param(1_500, 2, marks=pytest.mark.slow)]
)
def test_no_flipped_bit_gives_a_wrong_sequence(path: Path, number: int, seed: int) -> None:
    with SequenceStore.open_reader(path) as store:
        right = [find() for find in _finds(store)]
        assert all(_asked(*read) for read in _reads(store))
    for place, bit in _flip(path, path.read_bytes(), number, seed):
        try:
            _examine(path, right)
        except Exception as error:
            error.add_note(f"byte {place}, bit {bit}")
            raise


def _cells(path: Path) -> dict[int, int]:
    """Return where the file has the gid of each row: of all that fit into the first leaf."""
    whole = path.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    leaf = next(start for start in range(size, len(whole), size) if whole[start] == 13)
    number = int.from_bytes(whole[leaf + 3 : leaf + 5], "big")
    places = {}
    for i in range(number):
        place = leaf + int.from_bytes(whole[leaf + 8 + 2 * i : leaf + 10 + 2 * i], "big")
        while whole[place] & 0x80:  # the size of the row
            place += 1
        places[whole[place + 1]] = place + 1
    return places


def test_a_wrong_gid_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    places = _cells(path)
    assert set(places) == set(range(len(places))) and len(places) > 50
    for gid in (0, 1, 2, 7, 8, 31, 32, len(places) - 1, len(places) - 2):
        for bit in range(7):
            damaged = bytearray(whole)
            damaged[places[gid]] ^= 1 << bit
            path.write_bytes(damaged)
            _examine(path, [], deep=False)
            with SequenceStore.open_reader(path) as store:
                for read in (
                    lambda gid=gid: [store.get_seq(gid), store.get_seq(gid ^ 1)],
                    lambda gid=gid: store.get_many_seqs([gid, gid ^ 1]),
                    lambda: store.get_many_seqs(GIDS),
                    lambda: store.get_many_meta(GIDS),
                    lambda: list(store),
                    lambda: list(store.records(GIDS)),
                    lambda: _dumped(store),
                ):
                    with pytest.raises(DamageError):
                        print(gid, bit, read())


def test_gids_may_have_gaps(tmp_path: Path) -> None:
    path = write(tmp_path / "db", RECORDS)
    _execute(path, "DELETE FROM sequences WHERE gid % 3 = 1", "DELETE FROM sequences WHERE gid < 5")
    kept = [gid for gid in GIDS if gid % 3 != 1 and gid >= 5]
    seqs = [RECORDS[gid][1] if gid in kept else None for gid in GIDS]
    with SequenceStore.open_reader(path) as store:
        assert [store.get_seq(gid) for gid in GIDS] == seqs
        assert store.get_many_seqs(GIDS) == seqs
        assert [store.get_many_seqs([gid]) for gid in GIDS] == [[seq] for seq in seqs]
        assert (
            [record.gid for record in store]
            == kept
            == sorted(store.get_gids_by_length_range(None, None))
        )
        assert [r.seq for r in store.records(kept)] == [RECORDS[gid][1] for gid in kept]
        assert len(store) == len(kept)
    assert SequenceStore.validate(path, deep=True) == len(kept)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"PRIMARY", b"PVIMARY", "gid as its primary key"),
        (b"seq       BLOB", b"seq       TEXT", "of the right types"),
        (b"idx_len ON sequences(len)", b"idx_len ON sequences(gid)", "nothing in it is by .*idx_l"),
    ],
)
def test_another_schema_is_refused(path: Path, old: bytes, new: bytes, reason: str) -> None:
    _replace(path, old, new)
    with pytest.raises(StoreError, match=reason):
        SequenceStore.open_reader(path)
    with pytest.raises(StoreError, match=reason):
        SequenceStore.validate(path)


def test_damage_that_sqlite_quotes_is_an_error_of_ours(path: Path) -> None:
    _replace(path, b"INTEGER PRIMARY", b"INTEGER (\xc5RIMAR")
    with pytest.raises(DamageError, match="is damaged"):
        SequenceStore.open_reader(path)


def test_an_index_of_other_values_is_found_when_deep(path: Path) -> None:
    _execute(
        path,
        "DROP INDEX idx_len",
        "CREATE INDEX idx_len ON sequences(local_idx)",
        f"UPDATE sqlite_master SET sql = '{schema.INDEX_LEN}' WHERE name = 'idx_len'",
    )
    assert SequenceStore.validate(path) == NUMBER
    with pytest.raises(DamageError, match="missing from index idx_len"):
        SequenceStore.validate(path, deep=True)


@pytest.mark.parametrize("column", ["len", "hash8"])
def test_an_index_with_fewer_rows_is_noticed(path: Path, column: str) -> None:
    _execute(
        path,
        "CREATE TABLE other AS SELECT * FROM sequences WHERE gid < 50",
        f"CREATE INDEX other_{column} ON other({column})",
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master "
        f"WHERE name = 'other_{column}') WHERE name = 'idx_{column}'",
        f"DELETE FROM sqlite_master WHERE name = 'other_{column}'",
    )
    with SequenceStore.open_reader(path) as store:
        assert store.get_seq(70) == RECORDS[70][1]
        if column == "hash8":
            with pytest.raises(DamageError, match="an index does not have it"):
                len(store)
        with pytest.raises(DamageError, match=r"an index (gives 50 of 90|does not have)"):
            store.get_gids_by_length_range(None, None)
