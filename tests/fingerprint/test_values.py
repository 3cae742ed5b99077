"""Values have one form, in every process and every directory."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import os
import pathlib
import subprocess
import sys
import threading
import typing

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint.symbols import (
    Symbol,
    without_places,
)
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.provenance import canonical
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown


@dataclasses.dataclass
class Settings:
    k: int
    name: str = "x"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Point(typing.NamedTuple):
    x: int
    y: int


class Bunch(dict):
    pass


Pair = collections.namedtuple("Pair", "x y")


def form(value, **given):
    return canonical(Values(**given).describe(value, "param p"))


# No two of these are the same.
DISTINCT = [
    *(None, True, 1, 1.0, 1 + 0j, "1", b"1", "", 0, False, float("nan"), -0.0, 0.0),
    *([], (), {}, set(), frozenset(), [1], (1,), {1}, frozenset({1}), [[1]], [[1], []]),
    *({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": [1]}, {1: "a"}, {"1": "a"}),
    *(collections.OrderedDict(a=1), collections.Counter(a=1), collections.deque([1])),
    *(collections.deque([1], 3), collections.defaultdict(list, a=1), collections.defaultdict(int)),
    *(range(3), range(0, 3, 2), slice(3), datetime.date(2024, 1, 2), decimal.Decimal("1.0")),
    *(datetime.datetime(2024, 1, 2), datetime.timedelta(1), pathlib.Path("1"), pathlib.Path("a")),
    *(Settings(1), Settings(2), Settings(1, "y"), Colour.RED, Colour.BLUE, Point(1, 2), Pair(1, 2)),
    *(numpy.int64(1), numpy.int32(1), numpy.float64(1), numpy.str_("1"), numpy.bool_(True)),
    *(numpy.datetime64("2024-01-02"), numpy.array([1]), numpy.array([[1]]), numpy.array([1.0])),
    *(numpy.array(["a"], dtype=object), numpy.array([1], dtype="int8"), numpy.longdouble(1)),
    *(Bunch(), Bunch(a=1), numpy.zeros(1, "i4,i4"), numpy.zeros(1, [("a", "i4"), ("b", "i4")])),
    *(["str", "1"], ("list", [1]), ("repr", "range", "range(0, 3)")),
]


def test_values_that_differ_have_different_forms():
    forms = [form(value) for value in DISTINCT]
    assert len(set(forms)) == len(DISTINCT)


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"b", "a", "c"},
        lambda: {"x": [1, (2.5, None)], "y": {"z": {1, 2}}},
        lambda: Settings(3),
        lambda: numpy.arange(5),
        lambda: range(3),
        lambda: [{"date": datetime.date(2024, 1, 2)}],
    ],
)
def test_equal_values_have_one_form(make):
    assert form(make()) == form(make())


_TEXTS = st.text().filter(lambda text: "<TBD>" not in text)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(_TEXTS | st.integers(), inner)
        | st.sets(_TEXTS | st.integers())
    ),
    max_leaves=10,
)
_FEW = st.sampled_from([0, 1, True, 1.0, "a", "1", b"a", None])
_SMALL = st.recursive(
    _FEW,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(_FEW, inner, max_size=1)
        | st.sets(_FEW, max_size=2)
    ),
    max_leaves=2,
)


@given(_VALUES)
def test_each_value_has_a_form(value):
    assert form(value) == form(value)


def _typed(value):
    """What two values must have in common to be one."""
    if isinstance(value, dict):
        return ("dict", [(_typed(key), _typed(part)) for key, part in value.items()])
    if isinstance(value, set):
        return ("set", {_typed(part) for part in value})
    if isinstance(value, list | tuple):
        return (type(value), [_typed(part) for part in value])
    return (type(value), repr(value))


@settings(max_examples=300)
@given(_SMALL, _SMALL)
def test_forms_are_equal_exactly_for_the_same_value(one, other):
    assert (form(one) == form(other)) is (_typed(one) == _typed(other))


_STABLE = """
import datetime, enum, numpy
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.provenance import canonical
value = {"s": {"a", "b", "c", 1, (2, "x")}, "f": frozenset("xyz"), "n": numpy.arange(3),
         "d": datetime.date(2024, 1, 2), "r": range(4)}
print(canonical(Values().describe(value, "p")))
"""


def test_forms_are_the_same_in_every_process():
    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", _STABLE]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert run("1") == run("2") != ""


def test_what_is_not_known_yet_is_said():
    with pytest.raises(NotYet, match=r"param p\['x'\]\[1\] is not known yet"):
        form({"x": ["a", "--n <TBD>"]})


@pytest.mark.parametrize(
    "value",
    [object(), threading.Lock(), lambda: 1, iter([]), numpy.ma.array([1, 2]), numpy.ma.array([1])],
)
def test_a_value_without_a_form_is_named(value):
    with pytest.raises(Unknown, match=r"param p\[0\] is a .*use numbers"):
        form([value])


def test_a_value_that_contains_itself_has_a_form():
    value: list = [1]
    value.append(value)
    assert form(value) != form([1, [1]])


# --- pandas ---


def test_cells_and_tables_of_pandas_have_forms():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"n": [1, 2], "s": ["a", "b"]}, index=["x", "y"])
    values = [
        *(table, table.loc["x"], table.n, table.s, table.index, table.columns, table.n.values),
        *(table.loc["x", "n"], table.loc["x", "s"], pandas.Timestamp("2024-01-02"), pandas.NaT),
        *(pandas.NA, table.rename(columns={"n": "m"}), table.astype({"n": float}), table[::-1]),
        *(table.s.astype("category"), pandas.array([1, None], dtype="Int64"), table.itertuples),
    ]
    forms = [form(value) for value in values[:-1]]
    assert len(set(forms)) == len(forms)
    assert form(table) == form(table.copy())
    assert form(next(table.itertuples())) == form(next(table.copy().itertuples()))


def test_an_integer_of_numpy_is_not_one_of_python():
    assert form(numpy.int64(3)) != form(3)
    assert form(numpy.int64(3)) == form(numpy.array([3])[0])


# --- places and own files ---

PLACES = (("/home/me/flow", Symbol("workdir")), ("/home/me/flow/workflow", Symbol("basedir")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/flow", "W"),
        ("/home/me/flow/x.txt", "W/x.txt"),
        ("/home/me/flow/workflow/x.py", "B/x.py"),
        ("/home/me/flow/workflows/x.py", "W/workflows/x.py"),
        ("/home/me/flows/x", None),
        ("/home/me/flow-2/x", None),
        ("/home/me/flow.bak", None),
        ("/home/me/flow*", None),
        ("cd /home/me/flow; ls", "cd W; ls"),
        ("It is in /home/me/flow.", "It is in W."),
        ("-I/home/me/flow/include", "-IW/include"),
        ("--dir=/home/me/flow", "--dir=W"),
        ("file:///home/me/flow/x", "file://W/x"),
        ("'/home/me/flow'", "'W'"),
        ("a:/home/me/flow:b", "a:W:b"),
        ("/mnt/home/me/flow/x", None),
        ("/home/me/flow/home/me/flow", "W/home/me/flow"),
    ],
)
def test_places_are_replaced_where_they_are_whole_parts_of_a_path(text, expected):
    found = without_places(text, PLACES)
    shown = found.replace(Symbol("workdir"), "W").replace(Symbol("basedir"), "B")
    assert shown == (text if expected is None else expected)


def test_a_param_of_a_jobs_own_files_is_the_same_elsewhere():
    def described(root, param):
        files = {"input": [f"{root}/in/g.fa"], "output": [f"{root}/out/a/b.txt", "c.txt"]}
        return form(param(root), files=files)

    for param in (
        lambda root: f"{root}/out/a/b.txt",
        lambda root: os.path.dirname(f"{root}/out/a/b.txt"),
        lambda root: f"{root}/out/a/tmp",
        lambda root: f"--outdir {root}/out/a --x {root}/in/g",
        lambda root: [f"{root}/in/g", {"x": f"{root}/out/a/b"}],
        lambda root: "c.txt",
    ):
        assert described("/home/me", param) == described("/scratch/you/2", param)
    assert described("/a", lambda root: f"{root}/out/abc") != described(
        "/b", lambda root: f"{root}/out/abc"
    )
    assert described("/a", lambda root: "x1") != described("/a", lambda root: "x2")


def test_a_word_that_is_also_a_directory_is_no_path():
    files = {"output": ["s1/out.txt"]}
    assert form("s1", files=files) == form("s1")
    assert form("results/s1") == form("results/s1", files={"output": ["x.txt"]})


def test_only_named_keys_of_a_config_count():
    config = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 5}
    values = Values()
    keys = frozenset({("a", "b"), ("d", 0), ("no", "x")})
    found = canonical(values.of_keys(config, keys, "config"))
    changed = {"a": {"b": 1, "c": 3}, "d": [1, 2], "e": 6}
    assert found == canonical(values.of_keys(changed, keys, "config"))
    for other in ({**config, "no": 1}, {**config, "a": {"b": True}}, {**config, "d": [1, 3]}):
        assert found != canonical(values.of_keys(other, keys, "config"))
    everything = canonical(values.of_keys(config, keys | {()}, "config"))
    assert everything != canonical(values.of_keys(changed, keys | {()}, "config"))


def test_named_wildcards_count_in_their_order():
    items = [("s", "1"), ("t", "2")]
    assert Values().of_names(items, frozenset({("t",)}), "wildcards") == (("t", "2"),)
    assert Values().of_names(items, frozenset({(0,)}), "wildcards") == tuple(items)
    assert Values().of_names(items, frozenset({()}), "wildcards") == tuple(items)
