"""What is remembered of what jobs left."""

from pathlib import Path

from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.left import Left, Run

A, B = (Version(digit * 64, "file", 1) for digit in "ab")
RUN = Run("out", "key")


def test_the_last_job_counts(tmp_path: Path) -> None:
    left = Left(tmp_path / "new")
    left.note({}, RUN)
    assert not (tmp_path / "new").exists()
    left.note({"x": A, "y": A}, RUN)
    left.note({"x": B}, Run("out2", "other", "reads"))
    for each in (left, Left(tmp_path / "new")):
        assert each.run_that_left("x", A) == RUN and each.run_that_left("y", B) is None
        assert each.run_that_left("x", B) == Run("out2", "other", "reads")
        for output, files in (("out", {"x": A, "y": A}), ("out2", {"x": B}), ("other", {})):
            assert {path: file.version for path, file in each.files_of(output).items()} == files


def test_runs_are_told_by_what_they_read_if_that_is_recorded() -> None:
    first, second = Run("out", "key", "1"), Run("out", "key", "2")
    assert first.is_same(first) and not first.is_same(second)
    assert RUN.is_same(first) and first.is_same(RUN)
    assert not RUN.is_same(Run("out", "other")) and not RUN.is_same(Run("other", "key"))


def test_a_line_that_was_cut_and_lines_that_say_nothing(tmp_path: Path) -> None:
    left, file = Left(tmp_path), tmp_path / "left.jsonl"
    for _ in range(1200):
        left.note({"x": A}, RUN)
    with file.open("a") as cut:
        cut.write('["y", {"digest"')
    left, other = Left(tmp_path), Left(tmp_path)  # of a job on another node
    other.note({"y": B}, RUN)
    left.note({"x": A}, RUN)
    assert file.read_text().count('"y"') == 2
    left = Left(tmp_path)
    left.save()
    assert file.read_text().split("\n").count("") == 3  # written anew: a line for each
    assert {path: left.version for path, left in Left(tmp_path).files_of("out").items()} == {
        "x": A,
        "y": B,
    }
