"""Whether a file says where it was made."""

import os

import pytest

from snakemake_storage_plugin_seqstore.store import MadeIn, Version
from snakemake_storage_plugin_seqstore.workflow import whereabouts
from snakemake_storage_plugin_seqstore.workflow.whereabouts import Here


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "run1").mkdir()
    monkeypatch.chdir(tmp_path / "run1")
    return str(tmp_path / "run1")


def files(*paths):
    """What is there, as a job made it; the digest does not matter."""
    for path in paths:
        kind = "tree" if os.path.isdir(path) else "file"
        yield path, Version("", kind, os.path.getsize(path) if os.path.exists(path) else 1000)


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("{}", True),
        ("a\n{}/a.bam\n", True),
        ('"{}"', True),
        ("It was made in {}.\n", True),
        ("file://{}/a", True),
        ("{}0/a", False),
        ("{}-b/a", False),
        ("{}.old/a", False),
        ("{}é", False),
        ("{}0 {}0 {}0 {}/x", True),
        ("run1/a", False),
        ("", False),
    ],
)
def test_the_path_of_the_directory(here, text, is_told):
    with open("list.txt", "w") as file:
        file.write(text.replace("{}", here))
    told = whereabouts.told_in(files("missing.txt", "list.txt"), Here(here, "project"))
    assert told == (MadeIn(here, "project") if is_told else None)


def test_members_of_a_directory_and_what_is_too_large(here, monkeypatch):
    os.makedirs("out/deep")
    with open("out/deep/list.txt", "w") as file:
        file.write(f"{here}/a\n")
    assert whereabouts.told_in(files("out"), Here(here, "project"))
    monkeypatch.setattr(whereabouts, "LARGEST", 5)
    assert whereabouts.told_in(files("out"), Here(here, "project")) is None


def test_a_directory_that_a_shell_reached_by_a_link(here, monkeypatch):
    os.symlink(here, link := f"{here}-link")
    with open("list.txt", "w") as file:
        file.write(f"{link}/a\n")
    assert whereabouts.told_in(files("list.txt"), Here(here, "project")) is None
    monkeypatch.setenv("PWD", link)
    assert whereabouts.told_in(files("list.txt"), Here(here, "project")) == MadeIn(here, "project")


def test_another_directory_is_one_that_never_was_this_one(here):
    assert not whereabouts.is_elsewhere(None, Here(here, "mine"))
    assert not whereabouts.is_elsewhere(MadeIn(here, "theirs"), Here(here, "mine"))
    assert not whereabouts.is_elsewhere(MadeIn("/data/before", "mine"), Here(here, "mine"))
    copy = Here(here, "mine", ("first", "second"))
    assert not whereabouts.is_elsewhere(MadeIn("/data/before", "second"), copy)
    assert whereabouts.is_elsewhere(MadeIn("/data/run1", "theirs"), Here(here, "mine"))
