"""Files that are damaged, or that somebody made on purpose: an error of ours, or an answer."""

import gzip
import random
import re
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import tracks
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, SeqstoreError
from snakemake_storage_plugin_seqstore.tracks import formats, views
from snakemake_storage_plugin_seqstore.tracks.bbi import autosql, compression
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import BigBed
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    INDEX_HEADER_SIZE,
    TREE_HEADER_SIZE,
)
from snakemake_storage_plugin_seqstore.tracks.validation.files import validate

from ..genomes.conftest import bgzip

BED12 = "chr1\t{0}0\t{0}7\tn{0}\t{0}\t+\t{0}0\t{0}5\t255,0,0\t2\t2,3\t0,4\n"
TEXTS = {
    "x.bedGraph": "".join(f"chr1\t{i}0\t{i}7\t{i}.5\n" for i in range(60)) + "chrM\t0\t9\t-1e3\n",
    "x.bed": "".join(map(BED12.format, range(1, 40))),
    "x.wig": "fixedStep chrom=chr1 start=1 step=10 span=5\n1\n2\n3.5\n"
    "variableStep chrom=chrM span=2\n1 5\n7 2\n10 1e3\n",
    "x.gff3": "##gff-version 3\nchr1\tx\tgene\t1\t90\t.\t+\t.\tID=g1;Name=a%20b\n"
    "chr1\tx\tCDS\t10\t50\t0.5\t-\t2\tID=c;Parent=g1\n",
    "x.narrowPeak": "chr1\t9\t100\tp1\t500\t.\t3.5\t2\t1\t40\n",
    "x.json": '{"a": 1, "b": 2.5, "c": -3e5}',
    "x.jsonl": '{"chrom": "chr1", "start": 1, "end": 50, "score": 2.0, "tags": {"a": [1, "x"]}}\n'
    '{"chrom": "chr2", "start": 7, "end": 80, "typed_tags": ["dict", [], []]}\n',
}
FILES = {name: text.encode() for name, text in TEXTS.items()}
FILES["x.bed.gz"] = gzip.compress(FILES["x.bed"], mtime=0)
BINARY = {"x.bw": ("x.bedGraph", "bigwig"), "x.bb": ("x.bed", "bigbed")}
NUMBERS = ("-1", "0", "4294967296", "9223372036854775808", "1" + "0" * 30, "1" + "0" * 400, "1e400")
WORDS = [
    *map(str.encode, NUMBERS),
    *(
        b"nan",
        b"",
        b"\xff\xfe",
        b"\0",
        b"\x1b[2J",
        b"\r",
        b"{}",
        b"null",
        b"[" * 3000,
        b"a" * 70000,
    ),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder: Path = tmp_path_factory.mktemp("whole")
    whole = dict(FILES)
    for name, (text, kind) in BINARY.items():
        (folder / text).write_bytes(FILES[text])
        views.write_view(folder / text, {}, kind, folder / name, name=text)
        whole[name] = (folder / name).read_bytes()
    return whole


def damaged(content: bytes, random: random.Random) -> bytes:
    """Change bytes, numbers of a header or index, or whole fields."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 4])):
        at = random.randrange(len(changed) + 1)
        some = random.randrange(1, 20)
        match random.randrange(8):
            case 0:
                changed[at : at + 1] = random.randbytes(1)
            case 1:
                del changed[at : at + some]
            case 2:
                changed[at:at] = changed[some : 3 * some]
            case 3:
                at %= 400
                changed[at : at + 4] = random.choice([b"\xff" * 4, b"\0" * 4, random.randbytes(4)])
            case 4:
                changed[at : at + 8] = random.choice([b"\xff" * 8, b"\xff" * 7 + b"\x7f"])
            case _:
                fields = list(re.finditer(rb'[^\s,;="]+', changed))
                if fields:
                    field = random.choice(fields)
                    changed[field.start() : field.end()] = random.choice(WORDS)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of what is no number
@pytest.mark.parametrize("name", [*FILES, *BINARY])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False), format=st.sampled_from(views.FORMATS))
def test_damage_is_an_error_or_an_answer(
    files, tmp_path, name: str, random: random.Random, format: str
) -> None:
    path = tmp_path / name
    path.write_bytes(damaged(files[name], random))
    view = random.choice([{}, {"region": "chr1:5-60"}, {"bins": "7", "summary": "max"}])
    with suppress(SeqstoreError):
        validate(path, formats.format_of(name))
    with suppress(SeqstoreError):
        views.write_view(path, view, format, tmp_path / "out", name=name)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", b"[" * 100_000, "is no JSON"),
        ("x.json", b'{"a": 1' + b"0" * 400 + b"}", "is not finite"),
        ("x.jsonl", b"[" * 100_000, "line 1: it is no JSON"),
        ("x.jsonl", b'{"chrom": "a", "start": 0, "end": 1' + b"0" * 30 + b"}", "line 1"),
        ("x.jsonl", b'{"chrom":"a","start":0,"end":1,"typed_tags":["dict"]}', "are damaged"),
        ("x.bed", b"chr1\t1\t2\n\xff\t1\t2\n", "line 2: a name is not UTF-8"),
        ("x.wig", b"variableStep chrom=a span=1" + b"0" * 30 + b"\n1 1\n", "line 1: .* at most"),
        (
            "x.wig",
            b"fixedStep chrom=a start=9 step=1" + b"0" * 18 + b"\n1\n2\n",
            "line 2: .* go on",
        ),
        ("x.bed.gz", bgzip(b"chr1\t1\t2\n" * 100)[:-28], "bgzip's last block is missing"),
        ("x.json.gz", bgzip(b'{"a": 1}')[:-28], "bgzip's last block is missing"),
        ("x.json.gz", gzip.compress(b'{"a": 1}', mtime=0)[:-9], "no complete gzip file"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_refused_names_the_file(tmp_path, name, content, reason) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"x\..*{reason}"):
        validate(path, formats.format_of(name))


@pytest.mark.parametrize(
    ("name", "line", "format", "reason"),
    [
        ("x.bed", "chr1\t-1\t5\n", "bigbed", "starts at -1"),
        ("x.bed", "\t1\t5\n", "bigbed", "a chromosome has no name"),
        ("x.bedGraph", "\t1\t5\t7\n", "bigwig", "a chromosome has no name"),
    ],
)
def test_what_a_binary_file_cannot_hold_is_refused(tmp_path, name, line, format, reason) -> None:
    (tmp_path / name).write_text(line)
    with pytest.raises(InputError, match=reason):
        views.write_view(tmp_path / name, {}, format, tmp_path / "out", name=name)


def test_zeros_behind_bgzip_do_not_count(tmp_path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(bgzip(b'{"a": 3}') + bytes(100_000))
    assert tracks.open(path).get("a") == 3


@pytest.mark.parametrize("kind", [BigWig, BigBed])
def test_a_tree_whose_branches_lead_to_the_same_ends(files, tmp_path, kind) -> None:
    """Its leaf would be reached in 20**12 ways."""
    path = tmp_path / "x"
    whole = files["x.bw" if kind is BigWig else "x.bb"]
    header = kind(_written(path, whole)).file.header

    def tree(size: int, item: str, *key: object) -> bytes:
        """Return 12 levels of nodes of which each leads 20 times to the next, and a leaf."""
        node = struct.calcsize("<BBH") + 20 * struct.calcsize(item)
        places = [len(whole) + size + node * (level + 1) for level in range(12)]
        rows = [struct.pack("<BBH", 0, 0, 20) + struct.pack(item, *key, at) * 20 for at in places]
        return b"".join(rows) + struct.pack("<BBH", 1, 0, 0)

    chroms = tree(TREE_HEADER_SIZE, "<4sQ", b"chr1")
    with pytest.raises(DamageError, match=r"chromosomes is damaged: byte .* is there twice"):
        kind(_written(path, _moved(whole, 8, header.tree, TREE_HEADER_SIZE, chroms)))
    blocks = tree(INDEX_HEADER_SIZE, "<IIIIQ", 0, 0, 0, 90)
    forged = kind(_written(path, _moved(whole, 24, header.index, INDEX_HEADER_SIZE, blocks)))
    for look in (
        lambda: forged.file.index.blocks(0, 5, 90),
        forged.file.index.all_blocks,
        forged.file.index.leaves,
    ):
        with pytest.raises(DamageError, match=r"damaged: (its node .* is there twice|it has more)"):
            look()


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _moved(whole: bytes, number: int, place: int, size: int, node: bytes) -> bytes:
    """Return a file whose header leads to a copy of a tree's header, with another node behind."""
    changed = bytearray(whole)
    changed[number : number + 8] = struct.pack("<Q", len(whole))
    return bytes(changed) + whole[place : place + size] + node


@pytest.mark.parametrize("kind", [BigWig, BigBed])
def test_blocks_that_are_named_again_and_again_are_refused(files, tmp_path, kind) -> None:
    """Each could unpack to a thousand times its size."""
    path = tmp_path / "x"
    whole = files["x.bw" if kind is BigWig else "x.bb"]
    header = kind(_written(path, whole)).file.header
    place, size = header.data + 8, len(whole) // 3
    leaf = struct.pack("<BBH", 1, 0, 4) + struct.pack("<IIIIQQ", 0, 0, 0, 90, place, size) * 4
    forged = kind(_written(path, _moved(whole, 24, header.index, INDEX_HEADER_SIZE, leaf)))
    with pytest.raises(DamageError, match="blocks are larger than it is"):
        list(
            forged.file.contents(
                [*forged.file.index.all_blocks(), *forged.file.index.blocks(0, 1, 9)]
            )
        )


@pytest.mark.parametrize(
    "text",
    [
        "table " + "a" * 300_000,
        'table a "x" (int ' + "a" * 300_000 + ")",
        'table a "x" (' + "".join(f"int a{number};" for number in range(30_000)) + ")",
    ],
    ids=["a name", "a column", "columns"],
)
def test_a_long_description_takes_no_time(text) -> None:
    start = time.monotonic()
    with suppress(InputError):
        autosql.parse(text)
    assert time.monotonic() - start < 5


def test_a_long_line_of_wig_takes_no_time(tmp_path) -> None:
    (tmp_path / "x.wig").write_text("fixedStep " + "a" * 100_000 + "\n1\n")
    start = time.monotonic()
    with pytest.raises(InputError, match="line 1"):
        validate(tmp_path / "x.wig", "wig")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("library", ["deflate", "zlib"])
def test_a_block_takes_no_more_memory_than_it_can_need(monkeypatch, library) -> None:
    if library == "zlib":
        monkeypatch.setattr(compression, "deflate", None)
    content = bytes(10_000)
    packed = compression.compress(content)
    assert compression.decompress(packed, 1 << 50) == content
    assert compression.decompress(packed, len(content)) == content
    for wrong, size in ((packed, len(content) - 1), (packed[:-1], len(content)), (b"", 5)):
        with pytest.raises(ValueError, match=r"\w"):
            compression.decompress(wrong, size)
