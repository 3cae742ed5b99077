"""Jobs that are told the same but for the order of their inputs."""

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint.input_order import former_order
from snakemake_storage_plugin_seqstore.fingerprint.task import Operation, Told, roles

names = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=6, unique=True)
contents = st.sampled_from(["file:1", "file:2", "tree:1"])


def told(files, named=None):
    """The inputs that a job is told, pairs of a name and a content."""
    inputs = roles([name for name, _ in files], [content for _, content in files], named or {})
    return Told(Operation("shell", {}), (), {"inputs": inputs}).canonical()["inputs"]


@given(names, st.data())
def test_any_order_is_the_same_but_nothing_else(names, data):
    files = [(name, data.draw(contents)) for name in names]
    other = data.draw(st.permutations(files))
    before = told(files)
    assert former_order(before, before) is None
    found = former_order(before, told(other))
    assert (found is None) == (files == other)
    assert found is None or [other[number] for number in found] == files
    assert former_order(before, told(other[1:])) is None
    assert former_order(before, told([*other, ("x", "file:1")])) is None
    at = data.draw(st.integers(0, len(other) - 1))
    changed = [*other]
    changed[at] = (other[at][0], "file:3")
    assert former_order(before, told(changed)) is None
    swapped = [(name, content) for (name, _), (_, content) in zip(files, other, strict=True)]
    assume(sorted(swapped) != sorted(files))  # contents are behind other names
    assert former_order(before, told(swapped)) is None


@given(names, st.integers())
def test_what_has_a_name_keeps_it(names, seed):
    files = [(name, "file:1") for name in names]
    other = random.Random(seed).sample(files, len(files))
    assume(files != other)

    def ranges(files):
        return {f"as_{name}": (place, None) for place, (name, _) in enumerate(files)}

    found = former_order(told(files, ranges(files)), told(other, ranges(other)))
    assert [other[number] for number in found or ()] == files
    assert former_order(told(files, ranges(files)), told(other, ranges(files))) is None
    listed = {"all": (0, len(files))}
    assert former_order(told(files, listed), told(other, listed)) == found
    for one, two in (
        (listed, {"all": (0, len(files) - 1)}),
        ({"one": (0, None)}, {"one": (0, 1)}),
        (listed, {}),
    ):
        assert former_order(told(files, one), told(other, two)) is None


def test_what_somebody_else_wrote_is_another_job():
    sound = told([("a", "file:1"), ("b", "file:1")])
    for inputs in (None, [], ["tuple", []], ["tuple", 1], ["int", "x"], 3):
        assert former_order(inputs, sound) is former_order(sound, inputs) is None
