"""Under which names files in their own places are listed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import parsing
from snakemake_storage_plugin_seqstore.workflow.in_place import named

# Short ones of the characters that mean something, so that some are the same.
_PATHS = st.text("ab./%@?\n\udcff\u2028é24FE", min_size=1, max_size=12).filter(
    lambda path: os.path.normpath(path) not in (".", "/", "//")
)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out//a.txt", "out/a.txt"),
        ("./../a", "%2E%2E/a"),
        ("/tmp/a", "%2Ftmp/a"),
        ("tmp/a", "tmp/a"),
        ("a/@/b@c", "a/%40/b@c"),
        ("100%?\n\udcff", "100%25%3F%0A%FF"),
    ],
)
def test_a_name_shows_the_path(path, name):
    assert named(path) == Query("files", name)


@given(_PATHS, _PATHS)
def test_names_are_valid_and_of_one_path_each(one, other):
    names = {named(one).name, named(other).name}
    assert all(map(parsing.is_name, names))
    assert (len(names) == 1) == (os.path.normpath(one) == os.path.normpath(other))
    assert Query.parse(str(named(one))) == named(one)
