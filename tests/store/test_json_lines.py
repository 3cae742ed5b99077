"""Files of JSON values that are only added to."""

import json

from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.store import EMPTY, json_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=5,
)


def test_what_is_added_comes_back(tmp_path):
    file = tmp_path / "new" / "file"
    assert json_lines.read(file) == []
    json_lines.append(file, [["a", EMPTY]])
    json_lines.append(file, [])
    json_lines.append(file, [{"b": "\n\u2028\r\udcff"}, 3])
    assert json_lines.read(file) == [["a", vars(EMPTY)], {"b": "\n\u2028\r\udcff"}, 3]


@given(values=st.lists(VALUES), cuts=st.lists(st.text('["],:1ab{}', min_size=1), max_size=3))
def test_what_is_torn_spoils_nothing_else(tmp_path_factory, values, cuts):
    """Each line that is whole comes back, in its order, whatever is between them."""
    file = tmp_path_factory.mktemp("lines") / "file"
    for number, value in enumerate(values):
        with file.open("ab") as opened:
            opened.write("".join(cuts[number : number + 1]).encode())
        json_lines.append(file, [value])
    found = json_lines.read(file)
    expected = []
    for number, value in enumerate(values):
        for cut in cuts[number : number + 1]:
            try:
                expected.append(json.loads(cut))
            except ValueError:
                continue
        expected.append(value)
    assert found == expected
