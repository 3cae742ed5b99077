"""The benchmark's real command, on a few sequences."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PEERS = ["seqstore-portable", "seqstore-compact", "starling"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "bench", "sequences", "300", "900", "--repeats", "1"]
    command += ["--peers", ",".join(PEERS), "--work", str(out / "work"), "--out", str(out)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return out


def test_every_answer_is_right(results):
    tables = (results / "tables.md").read_text()
    assert "900 synthetic proteins" in tables
    assert "wrong" not in tables.replace("| starling | wrong answers", "")
    assert "failed" not in tables


def test_ours_can_do_everything(results):
    lines = (results / "tables.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| seqstore-")]
    assert len(rows) == 8  # two encodings, two sets, single readers and several at once
    assert not any("| - |" in row for row in rows)


def test_plots(results):
    for name in ("ratios-900.svg", "growth.svg"):
        assert "<svg" in (results / name).read_text()


def test_wrong_answers_are_found(results):
    """A program that returns something else is reported instead of timed."""
    script = (
        "import sys; from bench import worker; from bench.peers import ours;"
        "ours.SequenceStore.get_seq = lambda self, gid: 'MKV';"
        "worker.main(sys.argv[1:])"
    )
    work = results / "work" / "300"
    database = work / "seqstore-portable"
    database.mkdir(exist_ok=True)
    arguments = ["seqstore-portable", "build", str(work / "plan.json"), str(database)]
    subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, check=True)
    arguments[1] = "get"
    process = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, check=True, capture_output=True
    )
    assert b"answer is wrong" in process.stdout


def test_unknown_peer(tmp_path):
    command = [sys.executable, "-m", "bench", "sequences", "100", "--peers", "nosuch"]
    process = subprocess.run(
        [*command, "--work", tmp_path, "--out", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 2
    assert "'nosuch'" in process.stderr
    assert os.listdir(tmp_path) == []


def test_workflows(tmp_path):
    command = [sys.executable, "-m", "bench", "reuse", "4", "--repeats", "1"]
    command += ["--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.strip().splitlines()
    assert lines[0] == "|  | 4 jobs, s | 4 jobs, CPU s |"
    kinds = [line.split("|")[1].strip() for line in lines[2:]]
    assert [kind for kind in kinds if kind != "Snakemake, fs plugin, cold"] == [
        "Snakemake, cold",
        "Snakemake, idle",
        "Snakemake --cache, cold",
        "Snakemake --cache, clone",
        "seqstore, unobserved, cold",
        "seqstore, cold",
        "seqstore, idle",
        "seqstore, clone",
        "seqstore by queries, unobserved, cold",
        "seqstore by queries, cold",
        "seqstore by queries, idle",
        "seqstore by queries, clone",
    ]


def test_load(tmp_path):
    command = [sys.executable, "-m", "bench", "load", "--processes", "2", "--seconds", "0.5"]
    command += ["--names", "10", "--mebibytes", "1", "--records", "2000", "--work", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    figures = dict(line.rsplit(maxsplit=1) for line in process.stdout.splitlines())
    assert len(figures) == 15
    assert float(figures["publications"]) > 2
    assert os.listdir(tmp_path) == []
