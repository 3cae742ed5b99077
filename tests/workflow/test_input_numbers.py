"""Inputs count in the order of the rule; what is unpacked, by its names."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from snakemake.io import flag
from snakemake.iocontainers import Namedlist

from snakemake_storage_plugin_seqstore.workflow import input_numbers


class Rule:
    """With inputs as they are written."""

    def __init__(self, written):
        self.input = written


def files(*parts):
    """Pairs of a name, or None, and a path or paths."""
    found = Namedlist()
    for name, paths in parts:
        start = len(found)
        many = isinstance(paths, list)
        found.extend(paths if many else [paths])
        if name:
            found._set_name(name, start, end=len(found) if many else None)
    return found


def job(written, given):
    return SimpleNamespace(input=files(*given), rule=Rule(files(*written)))


FUNCTION = flag("function", "unpack")


@given(st.permutations([("b", "1"), ("a", ["2", "3"]), ("c", []), ("d", "4")]))
def test_what_is_unpacked_counts_by_its_names(unpacked):
    written = [("z", "first"), (None, FUNCTION), ("y", ["last"])]
    found = job(written, [("z", "first"), *unpacked, ("y", ["last"])])
    assert input_numbers.in_order(found) == ["first", "2", "3", "1", "4", "last"]
    assert input_numbers.names(found) == {
        "z": (0, None),
        "a": (1, 3),
        "b": (3, None),
        "c": (0, 0),
        "d": (4, None),
        "y": (5, 6),
    }
    number = input_numbers.numbers(found)
    assert [found.input[place] for place in input_numbers.places(found)] == [
        path for _, path in sorted(zip(number, found.input, strict=True))
    ]


def test_a_list_that_is_unpacked_keeps_its_order():
    found = job([(None, FUNCTION)], [(None, "b"), (None, "a")])
    assert input_numbers.in_order(found) == ["b", "a"]


def test_what_the_rule_names_keeps_its_order():
    given = [("b", "1"), ("a", ["2"]), ("c", []), (None, "3")]
    found = job(given, given)
    assert list(input_numbers.places(found)) == list(input_numbers.numbers(found)) == [0, 1, 2]
    assert input_numbers.names(found) == {"b": (0, None), "a": (1, 2), "c": (2, 2)}
