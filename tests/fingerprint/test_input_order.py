"""Jobs that are told the same but for the order of their inputs."""

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint.input_order import differ_in_order
from snakemake_storage_plugin_seqstore.fingerprint.task import Operation, Told, roles

names = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=6, unique=True)
contents = st.sampled_from(["file:1", "file:2", "tree:1"])


def told(files, command, named=None):
    """What a job is told whose inputs are pairs of a name and a content."""
    inputs = roles([name for name, _ in files], [content for _, content in files], named or {})
    return Told(Operation("shell", {"command": command}), (), {"inputs": inputs}).canonical()


@given(names, st.data())
def test_any_order_is_the_same_but_nothing_else(names, data):
    files = [(name, data.draw(contents)) for name in names]
    other = data.draw(st.permutations(files))
    command = "cat \0input:0\0 \0input:1\0 > \0output:0\0"
    before = told(files, command)
    assert differ_in_order(before, told(other, command))
    assert differ_in_order(before, told(other, command.replace("input:0", "input:1", 1)))
    assert not differ_in_order(before, told(other, command.replace("cat", "tac")))
    assert not differ_in_order(before, told(other, command.replace("output:0", "output:1")))
    assert not differ_in_order(before, told(other[1:], command))
    assert not differ_in_order(before, told([*other, ("x", "file:1")], command))
    at = data.draw(st.integers(0, len(other) - 1))
    changed = [*other]
    changed[at] = (other[at][0], "file:3")
    assert not differ_in_order(before, told(changed, command))
    swapped = [(name, content) for (name, _), (_, content) in zip(files, other, strict=True)]
    assume(sorted(swapped) != sorted(files))  # contents are behind other names
    assert not differ_in_order(before, told(swapped, command))


@given(names, st.integers())
def test_what_has_a_name_keeps_it(names, seed):
    files = [(name, "file:1") for name in names]
    other = random.Random(seed).sample(files, len(files))
    command = "cat \0input:0\0"

    def ranges(files):
        return {f"as_{name}": (place, None) for place, (name, _) in enumerate(files)}

    assert differ_in_order(told(files, command, ranges(files)), told(other, command, ranges(other)))
    turned = {f"as_{name}": (place - 1, None) for place, (name, _) in enumerate(files) if place}
    turned[f"as_{names[0]}"] = (len(files) - 1, None)
    assert not differ_in_order(told(files, command, ranges(files)), told(files, command, turned))
    listed = {"all": (0, len(files))}
    assert differ_in_order(told(files, command, listed), told(other, command, listed))
    assert not differ_in_order(
        told(files, command, listed), told(files, command, {"all": (0, len(files) - 1)})
    )
    assert not differ_in_order(
        told(files, command, {"one": (0, None)}), told(files, command, {"one": (0, 1)})
    )


def test_what_somebody_else_wrote_is_another_job():
    sound = told([("a", "file:1")], "cat \0input:0\0")
    for inputs in (None, ["tuple", []], ["tuple", 1], ["int", "x"], 3):
        assert not differ_in_order(sound, sound | {"inputs": inputs})
    assert not differ_in_order({}, {})
