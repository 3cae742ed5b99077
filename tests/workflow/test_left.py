"""What is remembered of what jobs left."""

from pathlib import Path

from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.left import Left

A, B = (Version(digit * 64, "file", 1) for digit in "ab")


def test_the_last_job_counts(tmp_path: Path) -> None:
    left = Left(tmp_path / "new")
    left.note({}, "key", "out")
    assert not (tmp_path / "new").exists()
    left.note({"x": A, "y": A}, "key", "out")
    left.note({"x": B}, "other", "out2")
    for each in (left, Left(tmp_path / "new")):
        assert each.by("x", A) is None
        found = each.by("x", B)
        assert found and (found.key, found.output) == ("other", "out2")
        assert each.of("out", "key") == {"y": A}
        assert each.of("out", "key of before") == {}


def test_a_line_that_was_cut_and_lines_that_say_nothing(tmp_path: Path) -> None:
    left, file = Left(tmp_path), tmp_path / "left.jsonl"
    for _ in range(1200):
        left.note({"x": A}, "key", "out")
    with file.open("a") as cut:
        cut.write('["y", {"digest"')
    left = Left(tmp_path)
    left.note({"y": B}, "key", "out")
    assert file.read_text().split("\n").count("") == 3  # written anew: a line for each
    assert Left(tmp_path).of("out", "key") == {"x": A, "y": B}
