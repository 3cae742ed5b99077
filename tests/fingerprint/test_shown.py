"""What differs between two values, as people read it."""

import argparse
import collections
import dataclasses
import datetime
import enum
import pathlib
import re
import types

import pytest

from snakemake_storage_plugin_seqstore.fingerprint.shown import (
    MOST,
    difference,
    difference_behind,
    shown,
    text_difference,
)
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.provenance import tagged


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Options:
    k: int
    name: str = "a"


Point = collections.namedtuple("Point", "x y")
WORDS = [f"sample{number}" for number in range(30)]


def form(value):
    """A value as a record keeps it."""
    return tagged(Values().describe(value, "it"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.1, "0.1"),
        (2j, "2j"),
        (b"ab", "b'ab'"),
        ('say "é"', '"say \\"é\\""'),
        ([1, "a", None], '[1, "a", None]'),
        ((1,), "(1,)"),
        ((), "()"),
        ({"a": {"b": [1]}, 2: ()}, '{"a": {"b": [1]}, 2: ()}'),
        ({2, 1}, "{1, 2}"),
        (collections.OrderedDict(a=1), '{"a": 1}'),
        (collections.defaultdict(list, a=[1]), '{"a": [1]}'),
        (collections.deque([1], maxlen=3), "[1]"),
        (Options(2), 'Options(k=2, name="a")'),
        (Point(1, 2), "Point(x=1, y=2)"),
        (types.SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
        (argparse.Namespace(a="b"), 'Namespace(a="b")'),
        (Colour.RED, "Colour.RED"),
        (pathlib.Path("a/b"), '"a/b"'),
        (re.compile("a+"), '"a+"'),
        (datetime.date(2024, 1, 2), "datetime.date(2024, 1, 2)"),
        (type("Mine", (dict,), {})(a=1), '{"a": 1}'),
    ],
)
def test_a_value_is_shown_as_python_writes_it(value, text):
    assert shown(form(value)) == text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (1, 1, []),
        (2, 5, ["x: 2 -> 5"]),
        (1, True, ["x: 1 -> True"]),
        (3, "3", ['x: 3 -> "3"']),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 2}}, ['x["a"]["b"]: 1 -> 2']),
        ({"a": 1, "b": 2}, {"b": 2, "c": [3]}, ['x["a"]: removed', 'x["c"]: new, [3]']),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ["x: in another order"]),
        ({"a": [1, {"k": "y"}]}, {"a": [1, {"k": "z"}]}, ['x["a"][1]["k"]: "y" -> "z"']),
        ([1, 2], [1, 2, 3], ["x: [1, 2] -> [1, 2, 3]"]),
        ([1], (1,), ["x: [1] -> (1,)"]),
        (WORDS, [*WORDS[:7], "new", *WORDS[8:]], ['x[7]: "sample7" -> "new"']),
        (WORDS, [*WORDS[:7], *WORDS[8:]], ['x[7:8]: ["sample7"] -> []']),
        ({*WORDS}, {*WORDS[1:]}, None),
        (Options(1), Options(2, "b"), ["x.k: 1 -> 2", 'x.name: "a" -> "b"']),
        (Options(1), Point(1, 2), ['x: Options(k=1, name="a") -> Point(x=1, y=2)']),
        ({"a": None}, None, ['x: {"a": None} -> None']),
    ],
)
def test_of_nested_values_is_said_what_differs(old, new, words):
    found = [*difference("x", form(old), form(new))]
    if words is None:  # it is cut, where they are still the same
        (text,) = found
        assert "sample0" in text.partition(" -> ")[0] and "sample0" not in text.partition(" -> ")[2]
    else:
        assert found == words


def test_of_what_cannot_be_shown_is_said_that_it_changed():
    old, new = (tagged(("digest", digest)) for digest in ("ab", "cd"))
    assert [*difference("x", old, new)] == ["x changed"]


def test_behind_keys_of_the_config_is_said_which():
    keys = frozenset({("a", "b"), ("c",), ("d",)})
    old, new = (
        tagged(Values().of_keys(config, keys, "config"))
        for config in ({"a": {"b": {"k": 1}}, "c": 1}, {"a": {"b": {"k": 2}}, "d": "x"})
    )
    assert [*difference_behind("config", old, new)] == [
        'config["a"]["b"]["k"]: 1 -> 2',
        'config["c"]: 1 -> not set',
        'config["d"]: not set -> "x"',
    ]
    less = tagged(Values().of_keys({"c": 1}, frozenset({("c",)}), "config"))
    assert [*difference_behind("config", less, old)] == [
        'config["a"]["b"] is read now',
        'config["d"] is read now',
    ]


@pytest.mark.parametrize("other", ["", "-x ", "--a-very-long-option=" + "y" * 100 + " "])
@pytest.mark.parametrize("at", range(0, 200, 23))
def test_a_cut_text_shows_the_difference_in_whole_words(at, other):
    command = "samtools view --threads 4 input:0 ref:1-100 | sort -k1,1 -k2,2n > output:0"
    words = command.split() * 4
    place = len(" ".join(words)[:at].split())
    changed = [*words[:place], *f"{other}other".split(), *words[place:]]
    old, new = text_difference(" ".join(words), " ".join(changed)).split(" -> ")
    assert old != new
    assert (other or "other").strip()[:15] in new
    for text in (old, new):
        assert len(text) <= MOST + 8
        shown_words = {word for word in text.split() if not word.startswith("--a-very")}
        assert shown_words <= {*words, *changed, "..."}


def test_a_difference_far_within_a_word_is_seen():
    path = "/a/very/long/path/without/any/blank" * 3
    old, new = text_difference(f"cat {path}/1 > x", f"cat {path}/2 > x").split(" -> ")
    assert old.endswith("/1 > x") and new.endswith("/2 > x")
