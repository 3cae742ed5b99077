"""The benchmark's real command, on a few intervals."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("samtools"), reason="samtools is not installed"),
]

ROOT = Path(__file__).parents[2]


def test_all_tasks(tmp_path):
    for library in ("pyBigWig", "pybigtools"):
        pytest.importorskip(library)
    command = [sys.executable, "-m", "bench", "tracks", "24000", "--repeats", "1"]
    command += ["--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    table = (tmp_path / "tracks.md").read_text()
    assert table.count("| seqstore |") == 8
    assert "pybigtools" in table
