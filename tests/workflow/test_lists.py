"""What files name in turn."""

import os

import pytest

from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.lists import MAX_SIZE, Lists


@pytest.fixture
def named(tmp_path, monkeypatch):
    """What a text named `p/list` names, from the directory above it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    directories, contents = Directories(), Contents(FileHashes(tmp_path / "memory"))
    write("p/list", "")

    def named(text):
        write("p/list", text)
        made = {"made.txt"}.__contains__
        return list(Lists(contents, made, directories).named_in("p/list"))

    return named


def write(path, text="x"):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


@pytest.mark.parametrize(
    "text",
    [
        "side.txt",
        "./side.txt\n",
        "a side.txt b",
        "file = side.txt # here",
        '{"file": "side.txt"}',
        "x,side.txt,y",
        "<file>side.txt</file>",
        "$HERE/side.txt",
    ],
)
def test_a_name_is_found_in_any_text(named, text):
    assert named(text) == []
    write("p/side.txt")
    assert named(text) == ["p/side.txt"]


def test_names_are_from_here_from_where_the_text_is_and_absolute(named, tmp_path):
    for path in ("q/a.txt", "p/q/b", "home/c.txt", "d.txt"):
        write(path)
    assert named("q/a.txt q/b") == ["q/a.txt", "p/q/b"]
    assert named("~/c.txt") == [str(tmp_path / "home/c.txt")]
    assert named(str(tmp_path / "d.txt")) == [str(tmp_path / "d.txt")]
    assert named("../d.txt") == ["d.txt"]


def test_lines_of_a_single_word_are_names(named):
    write("side")
    assert named("side\nother") == ["side"]
    assert named("the side of it") == []


def test_modules_are_named_in_perl_and_in_python(named):
    for path in ("lib/A/B.pm", "p/one.py", "p/two/__init__.py", "p/two/three.py", "p/four.py"):
        write(path)
    assert named('use lib "$Bin/../lib";\nuse A::B;') == ["lib/A/B.pm"]
    assert named("import os, one") == ["p/one.py"]
    assert named("from .two import three") == ["p/two/__init__.py", "p/two/three.py"]
    assert named("from two.three import x") == ["p/two/__init__.py", "p/two/three.py"]
    assert named("from . import (four)") == ["p/four.py"]


def test_what_may_not_be_read_or_is_made_does_not_count(named, monkeypatch):
    for path in ("made.txt", "secret.txt", "side.txt"):
        write(path)
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != "secret.txt" and access(path, mode)
    )
    assert named("made.txt secret.txt side.txt") == ["side.txt"]


def test_what_comes_or_goes_is_seen(named):
    assert named("side.txt") == []
    write("side.txt")
    assert named("side.txt") == ["side.txt"]
    os.unlink("side.txt")
    assert named("side.txt") == []


@pytest.mark.parametrize(
    "text",
    ["p/", ".", "...", "/dev/null", "/proc/self/status", "side.txt\0", "side.txt" * MAX_SIZE],
)
def test_directories_devices_and_data_name_nothing(named, text):
    write("side.txt")
    assert named(text) == []
