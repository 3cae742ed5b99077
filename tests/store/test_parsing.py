"""What others wrote is checked: whatever it is, it has the right form or there is one error."""

import copy
import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.store import MadeIn, Record, Store, Version, records, trees
from snakemake_storage_plugin_seqstore.store import parsing as p
from snakemake_storage_plugin_seqstore.store.names import _load as load_version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp, _stamp

DIGEST = "ab" * 32
fuzzed = settings(max_examples=max(200, settings().max_examples))

odd_texts = st.sampled_from(
    [
        *("", "/", "..", "../x", "/etc/passwd", "a/../b", "a//b", "../" * 22, "x" * 300, "@"),
        *("\0", "\n", "\x1b[31m", "\x9b", "\u2028", "\ud800"),
        *(DIGEST.upper(), DIGEST + "\n", DIGEST[:-1]),
    ]
)
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, 2**63 - 1, -1, 10**40, 1e999, True])
)
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5), odd_texts)
values = st.recursive(
    leaves,
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3)
    ),
    max_leaves=8,
)


def places(document, way=()):
    """Where something is in a JSON document."""
    yield way
    if isinstance(document, dict | list):
        parts = document.items() if isinstance(document, dict) else enumerate(document)
        for key, part in parts:
            yield from places(part, (*way, key))


@st.composite
def changed(draw, document):
    """A document with one to three changes, anywhere in it."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(places(document))))
        if not way:
            if draw(st.integers(0, 9)) == 0:
                return draw(values)
            continue
        within = document
        for key in way[:-1]:
            within = within[key]
        kind = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if kind == "remove":
            del within[way[-1]]
        elif isinstance(within, list) and kind == "repeat":
            within.append(within[way[-1]])
        elif isinstance(within, dict) and kind == "add":
            within[draw(st.text(max_size=5))] = draw(values)
        else:
            within[way[-1]] = draw(values)
    return document


VERSION = {"digest": DIGEST, "kind": "file", "size": 3, "executable": False, "key": DIGEST}
MANIFEST = {
    "tree": 1,
    "members": [
        {"path": "a/b", "digest": DIGEST, "size": 3},
        {"path": "a/c", "link": "../d"},
        {"path": "d"},
        {"path": "e", "digest": DIGEST, "executable": True},
    ],
}
RECORD = [
    json.loads(line)
    for line in records.dump(
        Record(
            DIGEST,
            (Version(DIGEST, "file", 3), Version(DIGEST, "tree", 0)),
            (True, False),
            {"command": ["str", "x"], "outputs": ["list", [["str", "y"]]]},
            1.5,
            "rule",
            made_in=MadeIn("/data/run1", "run1-1"),
        )
    ).splitlines()
]
DECIDES, READS, ASKED = RECORD


def content(document):
    return json.dumps(document).encode()


def lines(documents):
    return b"\n".join(map(content, documents))


def check_version(version):
    assert p.is_sha256(version.digest) and version.kind in ("file", "tree")
    assert type(version.size) is int and 0 <= version.size < 2**63
    assert type(version.executable) is bool


@fuzzed
@given(changed(VERSION))
def test_versions(document):
    try:
        version, key = load_version(Stamp(0, DIGEST, "d", "f"), content(document))
    except p.MalformedError as error:
        assert str(error)
        return
    check_version(version)
    assert version.digest == DIGEST
    assert key is None or isinstance(key.encode(), bytes)


@fuzzed
@given(changed(MANIFEST))
@example({"tree": 1, "members": [{"path": "a", "link": "."}, {"path": "b", "link": "a/../.."}]})
@example({"tree": 1, "members": [{"path": "a", "link": ".."}, {"path": "a/b", "digest": DIGEST}]})
@example({"tree": 1, "members": [{"path": "a", "link": "/etc"}]})
@example({"tree": 1, "members": [{"path": "/a", "digest": DIGEST}]})
@example({"tree": 1, "members": [{"path": "a"}, {"path": "a"}]})
def test_manifests(document):
    try:
        members = trees.load(content(document))
    except p.MalformedError as error:
        assert str(error)
        return
    paths = [member.path for member in members]
    assert len(set(paths)) == len(paths)
    for member in members:
        assert not os.path.isabs(member.path) and os.path.normpath(member.path) == member.path
        above = [path for path in paths if member.path.startswith(path + "/")]
        assert not above
        assert member.digest is None or p.is_sha256(member.digest)


@fuzzed
@given(st.tuples(changed(DECIDES), changed(READS), changed(ASKED)) | st.lists(changed(DECIDES)))
@example(RECORD)
def test_records(documents):
    """A record of the right SHA-256 and any shape; and it does not stay in the way."""
    bytes_ = lines(documents)
    stamp = Stamp(0, hashlib.sha256(bytes_).hexdigest(), "d", "f")
    try:
        record = records._load(DIGEST, stamp, bytes_)
    except p.MalformedError as error:
        assert str(error)
        return
    for version in record.outputs:
        check_version(version)
    assert len(record.outputs) == len(record.stored) and isinstance(record.rule.encode(), bytes)
    made_in = record.made_in
    assert made_in is None or {type(part) for part in vars(made_in).values()} == {str}
    assert math.isfinite(record.seconds) and isinstance(record.names, list)
    assert dict(record.provenance) == record.provenance and isinstance(dict(record.about), dict)


@fuzzed
@given(
    st.binary(max_size=200)
    | st.text(alphabet='[]{}",:0123456789eE+-.', max_size=60).map(str.encode)
)
def test_any_bytes(bytes_):
    for read in (
        trees.load,
        lambda found: load_version(Stamp(0, DIGEST, "d", "f"), found),
        lambda found: records._load(
            DIGEST, Stamp(0, hashlib.sha256(found).hexdigest(), "d", "f"), found
        ),
    ):
        with pytest.raises(p.MalformedError):
            read(bytes_)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"[" * 100_000,
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"1" * 5000,
        b"NaN",
        b'{"size": Infinity}',
        b"\xff",
        b"",
    ],
    ids=repr,
)
def test_json_that_stops_programs(bytes_):
    with pytest.raises(p.MalformedError):
        p.load(bytes_)


@fuzzed
@given(
    st.text(alphabet=st.sampled_from("ab./@\0\n\x1b\x9b\u2028é\ud800 "), max_size=12) | st.text()
)
def test_names(name):
    root = "/store/names/files"
    if not p.is_name(name):
        with pytest.raises(p.MalformedError):
            p.name(name)
        return
    path = f"{root}/{name}"
    assert os.path.normpath(path) == path and path.startswith(root + "/")
    assert len((name + "\n").splitlines()) == 1
    assert p.printable(name).isprintable()


@fuzzed
@given(st.text() | odd_texts)
def test_what_is_printed(text):
    assert p.printable(text).isprintable()


@fuzzed
@given(
    st.text(max_size=90)
    | st.builds("{}-{}".format, st.integers(), st.sampled_from([DIGEST + ".json", "removed"]))
    | st.builds("{:020d}-{}".format, st.integers(0, 10**21), st.sampled_from(["removed", "x.json"]))
)
def test_names_of_versions(file):
    stamp = _stamp("d", file)
    if stamp:
        assert 0 <= stamp.time < 2**62
        assert stamp.digest is None or p.is_sha256(stamp.digest)
        assert file.startswith(f"{stamp.time:020d}-")


@fuzzed
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s", "s/t", "s/t/u"]),
            st.lists(st.sampled_from(["..", ".", "l", "s", "t"]), max_size=5),
        ),
        max_size=4,
    )
)
def test_links_that_are_members_stay_inside(tmp_path_factory, links):
    """However they are put together, each leads to a place in the directory."""
    top = tmp_path_factory.mktemp("links")
    root = top / "a" / "b" / "root"
    (root / "s/t/u").mkdir(parents=True)
    for folder, (number, parts) in zip(
        (link[0] for link in links), enumerate(link[1] for link in links), strict=True
    ):
        target = "/".join(parts)
        path = f"{folder}/l{number}"
        if trees._points_into(path, target.replace("l", "l0")):
            (root / path).symlink_to(target.replace("l", "l0"))
    for path in root.rglob("l*"):
        if path.is_symlink():
            with suppress(OSError, RuntimeError):  # it leads in a circle
                assert path.resolve().is_relative_to(root.resolve())


def test_files_are_reached_without_links(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    with (
        pytest.raises(p.MalformedError, match="link is no regular file"),
        p.opened(tmp_path / "link"),
    ):
        pass
    for name, follow in (("file", False), ("link", True)):
        with p.opened(tmp_path / name, follow) as (file, _):
            assert os.read(file, 2) == b"x"


def test_combinators():
    check = p.mapping(p.either(p.absent, p.natural))
    assert check({"a": None, "b": 1}) == {"a": None, "b": 1}
    for wrong in ({"a": True}, {"a": 1.0}, {"a": -1}, {"a": 2**63}, [], None):
        with pytest.raises(p.MalformedError):
            check(wrong)
    assert p.each(p.text)(["a"]) == ("a",)
    assert p.number(1) == 1.0
    for wrong in (True, "1", float("nan"), -0.5, 10**400):
        with pytest.raises(p.MalformedError):
            p.number(wrong)
    with pytest.raises(p.MalformedError, match=r"its b: it is neither true nor false"):
        p.fields(a=p.text, b=p.flag)({"a": "x", "b": 1})
    with pytest.raises(p.MalformedError, match=r"unknown field 'c'"):
        p.fields(a=p.optional(p.text, ""))({"c": 1})
    with pytest.raises(p.MalformedError, match=r"no field 'a'"):
        p.fields(a=p.text)({})
    with pytest.raises(p.MalformedError, match=r"none of 1"):
        p.one_of(1)(True)


def test_a_record_of_the_wrong_shape_hides_no_other(tmp_path):
    store = Store(tmp_path / "store")
    sound = Record(DIGEST, (Version(DIGEST, "file", 3),), (True,), {}, 1.0, "rule")
    store.add_record(sound)
    (path,) = (store.root / "records").rglob("*.json")
    shapes = (
        *([[]], [{}], ["x"], [[[]] * 1000], RECORD[:2], [*RECORD, {}], [DECIDES, [], ASKED]),
        *([DECIDES | {"seconds": "1"}, READS, ASKED], [DECIDES | {"more": 1}, READS, ASKED]),
    )
    for number, documents in enumerate(shapes):
        planted = lines(documents)
        time = 2**61 + number * 10**15
        name = f"{time:020d}-{hashlib.sha256(planted).hexdigest()}.json"
        path.with_name(name).write_bytes(planted)
        assert [found.outputs for found in store.find_records(DIGEST)] == [sound.outputs]
        assert store.add_record(sound).outputs == sound.outputs
        assert store.find_records(DIGEST)[0].outputs == sound.outputs
        assert list(store.records.nondeterministic()) == []


def test_a_record_in_one_line_is_read_too():
    """So they were written before."""
    found = json.dumps(DECIDES | {"record": 2, "reads": READS} | ASKED).encode()
    stamp = Stamp(0, hashlib.sha256(found).hexdigest(), "d", "f")
    written = lines(RECORD)
    now = Stamp(0, hashlib.sha256(written).hexdigest(), "d", "f")
    old, new = records._load(DIGEST, stamp, found), records._load(DIGEST, now, written)
    assert old == replace(new, digest=old.digest)


def test_what_people_ask_of_a_record_decides_nothing(caplog):
    planted = lines([DECIDES, READS, {"about": 1}])
    stamp = Stamp(0, hashlib.sha256(planted).hexdigest(), "d", "f")
    found = records._load(DIGEST, stamp, planted)
    assert found.outputs and (dict(found.about), found.names[0]) == ({}, "output 0")
    assert "cannot be read" in caplog.text
