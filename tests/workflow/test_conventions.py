"""What programs read without being told."""

import os

import pytest

from snakemake_storage_plugin_seqstore.workflow import conventions


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in (".profile", ".sqliterc", "Makefile"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("bash -lc 'tool'", [".profile"]),
        ("/bin/sh --login x.sh", [".profile"]),
        ("x; bash -l x.sh", [".profile"]),
        ("bash -c 'tool -l'", []),
        ("bash -euo pipefail x.sh", []),
        ("tools/run.sh -i x", []),
        ("wc -l x | grep -i y", []),
        ("sqlite3 x.db .dump", [".sqliterc"]),
        ("/opt/bin/sqlite3 x.db .dump", [".sqliterc"]),
        ("make all", ["Makefile"]),
        ("makeblastdb -in x", []),
    ],
)
def test_files_of_fixed_names(home, command, found):
    files = filter(os.path.isfile, conventions.files(command))
    assert [file.removeprefix(f"{home}/") for file in files] == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("python3.11", "x"), "PYTHONPATH"),
        (("/usr/bin/xz",), "XZ_OPT"),
        (("bowtie2",), "BOWTIE2_INDEXES"),
        (("blastn",), "BLASTDB"),
    ],
)
def test_variables_of_programs_by_whatever_version_and_path(words, found):
    assert found in conventions.variables(frozenset(words))
    assert conventions.variables(frozenset(("tool", "pythonic"))) == set()
