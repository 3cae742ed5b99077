"""Files go both ways between this class and the one whose format it shares."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from snakemake_storage_plugin_seqstore.sequences import SequenceStore

from .conftest import RECORDS, fasta_text, many, write

ALL = RECORDS + many(300)


def _check(theirs: Any, path: Path) -> None:
    reader = theirs.open_reader(str(path))
    for gid, (header, seq) in enumerate(ALL):
        assert reader.get_seq(gid) == seq
        assert reader.get_header_len(gid) == (header, len(seq))
    meta = reader.get_many_meta(range(len(ALL)))
    assert meta == [(g, h, len(s), theirs.hash8(s)) for g, (h, s) in enumerate(ALL)]
    assert sorted(reader.get_gids_by_length_range(19, 19)) == [0, 3]
    reader.close()


def test_starling_reads_what_rows_wrote(starling_store: Any, tmp_path: Path) -> None:
    _check(starling_store, write(tmp_path / "db", ALL))


def test_starling_reads_what_build_wrote(starling_store: Any, tmp_path: Path) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(ALL))
    SequenceStore.build(tmp_path / "db", [source])
    _check(starling_store, tmp_path / "db")


def test_this_class_reads_what_starling_wrote(starling_store: Any, tmp_path: Path) -> None:
    path = tmp_path / "db"
    writer = starling_store.open_writer(str(path))
    encode = starling_store
    writer.insert_rows(
        [
            (
                g,
                len(s),
                encode.hash8(s),
                encode.encode_seq(s, g % 2),
                0,
                g,
                encode.encode_header(h, g % 3),
            )
            for g, (h, s) in enumerate(ALL)
        ]
    )
    writer.close_publish()
    assert SequenceStore.validate(path, deep=True) == len(ALL)
    with SequenceStore.open_reader(path) as store:
        assert [(record.header, record.seq) for record in store] == ALL
        assert store.find_name("sp|P1|ALPHA") == [0]
        assert store.find_name("sp|P2|BETA") == [1]
        assert store.find_header(ALL[100][0]) == [100]
        assert store.find_hash(starling_store.hash8(RECORDS[0][1])) == [0, 3]


def test_static_methods_agree(starling_store: Any) -> None:
    for text in ("", "M", RECORDS[2][1], RECORDS[2][0]):
        assert SequenceStore.hash8(text) == starling_store.hash8(text)
        assert SequenceStore.encode_seq(text, False) == starling_store.encode_seq(text, False)
        for compress in (False, True):
            ours = SequenceStore.encode_seq(text, compress)
            assert starling_store.decode_seq(ours) == text
            assert SequenceStore.decode_seq(starling_store.encode_seq(text, compress)) == text
            ours = SequenceStore.encode_header(text, compress)
            assert starling_store.decode_header(ours) == text


def test_starling_refuses_a_compact_file_with_its_own_clean_error(
    starling_store: Any, tmp_path: Path
) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(ALL))
    SequenceStore.build(tmp_path / "db", [source], encoding="compact")
    reader = starling_store.open_reader(str(tmp_path / "db"))
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        reader.get_seq(0)
    reader.close()
