"""What is built, what is installed, and how light the package is to import."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import snakemake_storage_plugin_seqstore as seqstore
from snakemake_storage_plugin_seqstore.errors import SeqstoreError

ROOT = Path(__file__).parents[1]
PACKAGE = "snakemake_storage_plugin_seqstore"
WRAPPERS = [
    "genomes/gc",
    "genomes/publish",
    *(f"sequences/{action}" for action in ("build", "extract", "publish", "stats")),
    *(f"tracks/{action}" for action in ("combine", "convert", "coverage", "intersect")),
    *(f"tracks/{action}" for action in ("plot", "publish", "stats", "transform")),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory)]
    process = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return directory


def test_wheel(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert f"{PACKAGE}/py.typed" in names
    assert {name for name in names if "/wrappers/" in name} == {
        f"{PACKAGE}/wrappers/{wrapper}/{file}"
        for wrapper in WRAPPERS
        for file in ("wrapper.py", "environment.yaml", "meta.yaml")
    }
    assert {name.split("/")[0] for name in names} == {PACKAGE, f"{PACKAGE}-0.1.0.dist-info"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).rglob("*.py")}
    assert modules <= names


def test_sdist(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "pyproject.toml"} <= names
    assert "tests/test_packaging.py" in names
    assert "wrappers/sequences/build/test/Snakefile" in names
    assert "example-workflow/resources/uniprot_reviewed.fasta.gz" in names
    left_behind = (
        ".snakemake/",
        ".seqstore/",
        "__pycache__/",
        ".venv",
        "example-workflow/results/",
    )
    assert not [name for name in names if any(part in name for part in left_behind)]


def test_snakemake_discovers_the_plugin() -> None:
    listing = "import pkgutil; print(*(m.name for m in pkgutil.iter_modules() if m.ispkg))"
    # isolated: neither the working directory nor PYTHONPATH are searched
    found = subprocess.check_output([sys.executable, "-I", "-c", listing], text=True)
    assert PACKAGE in found.split()
    options = subprocess.check_output([sys.executable, "-m", "snakemake", "--help"], text=True)
    assert "--storage-seqstore-root" in options


def test_import_is_light() -> None:
    loaded = subprocess.check_output(
        [sys.executable, "-c", f"import {PACKAGE}, sys; print(*sys.modules)"], text=True
    ).split()
    heavy = {"sqlite3", "zstandard", "isal", "tqdm", "click", "numpy", "pandas", "altair"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapper_uri(name: str) -> None:
    uri = seqstore.wrapper(name)
    assert uri.startswith("file:///")
    directory = Path(uri.removeprefix("file://"))
    assert (directory / "wrapper.py").is_file()
    assert (directory / "environment.yaml").is_file()


def test_wrapper_of_the_wheel_in_a_strange_directory(
    built: Path, tmp_path: Path, snakemake: Callable, environment: dict[str, str]
) -> None:
    site = tmp_path / "a b%20c#d?é"
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    environment["PYTHONPATH"] = str(site)
    workflow = tmp_path / "workflow"
    shutil.copytree(ROOT / "wrappers/sequences/build/test", workflow)
    with (workflow / "Snakefile").open("a") as snakefile:
        snakefile.write('\n\nprint(seqstore.wrapper("sequences/build"), file=open("uri", "w"))\n')
    snakemake(workflow)
    assert (workflow / "uri").read_text().startswith(f"file://{site}/")
    assert (workflow / "proteins.sqlite").is_file()


def test_wrapper_that_is_unknown() -> None:
    with pytest.raises(SeqstoreError, match=r"no wrapper 'sequences/biuld'.*'sequences/build'"):
        seqstore.wrapper("sequences/biuld")
    with pytest.raises(SeqstoreError, match="are genomes/gc, genomes/publish, "):
        seqstore.wrapper("../../tests")
