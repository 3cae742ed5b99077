"""Where paths lie."""

import os
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.observe import Kind, Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    root = str(tmp_path)
    for name in ("w/env/conda-meta", "w/.snakemake/conda/1/conda-meta", "home/venv", "real"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "home/venv/pyvenv.cfg").write_text("")
    (tmp_path / "linked").symlink_to("real")
    return Places(
        workdir=f"{root}/w",
        workflow_dir=f"{root}/w/workflow",
        repository=f"{root}/repository",
        home=f"{root}/home",
        tmpdir=f"{root}/tmp",
        inputs=(f"{root}/w/data/a.txt", f"{root}/ref/genome.fa", f"{root}/linked/x.fa"),
        others=frozenset({f"{root}/w/out", f"{root}/w/logs/x.log"}),
        shadow={f"{root}/w/.snakemake/shadow/s1": f"{root}/w"},
        stores=(f"{root}/store",),
        copies=(f"{root}/w/.snakemake/storage",),
        variables={"XDG_CACHE_HOME": f"{root}/cache"},
        is_product=lambda path: path.startswith(f"{root}/w/results"),
        is_left=lambda path: path == f"{root}/w/left",
        covered_names=lambda directory: {"old"} if directory == f"{root}/w" else (),
    )


CASES = [
    ("w/x.txt", Kind.SOURCE, "workdir:x.txt"),
    ("w", Kind.SOURCE, "workdir:."),
    ("w/workflow/scripts/x.py", Kind.SOURCE, "workflow:scripts/x.py"),
    ("repository/workflow/scripts/x.py", Kind.SOURCE, "repository:workflow/scripts/x.py"),
    ("w/data/a.txt", Kind.DECLARED, "workdir:data/a.txt"),
    ("w/data/a.txt.fai", Kind.SOURCE, "workdir:data/a.txt.fai"),
    ("w/out/below", Kind.DECLARED, "workdir:out/below"),
    ("w/logs/x.log", Kind.DECLARED, "workdir:logs/x.log"),
    ("w/results/x", Kind.PRODUCT, "workdir:results/x"),
    ("w/.snakemake/metadata/x", Kind.IGNORED, "workdir:.snakemake/metadata/x"),
    ("w/.snakemake/shadow/s1/x.txt", Kind.SOURCE, "workdir:x.txt"),
    ("w/.snakemake/shadow/s1/results/x", Kind.PRODUCT, "workdir:results/x"),
    ("w/.snakemake/storage/x", Kind.STORED, "workdir:.snakemake/storage/x"),
    ("w/.snakemake/conda/1/bin/x", Kind.SYSTEM, None),
    ("w/env/lib/x", Kind.SYSTEM, None),
    ("w/__pycache__/x.pyc", Kind.IGNORED, "workdir:__pycache__/x.pyc"),
    ("store/objects/x", Kind.STORED, None),
    ("ref/genome.fa", Kind.DECLARED, None),
    ("ref/genome.fa.fai", Kind.SOURCE, "input-dir:1:genome.fa.fai"),
    ("ref/other/x", Kind.SOURCE, None),
    ("real/x.fa", Kind.DECLARED, None),
    ("real/x.fa.bai", Kind.SOURCE, "input-dir:2:x.fa.bai"),
    ("home/.config/x", Kind.SOURCE, "home:.config/x"),
    ("home/venv/lib/x", Kind.SYSTEM, None),
    ("home/.local/lib/python3.11/site-packages/x.py", Kind.SYSTEM, None),
    ("home/.bash_history", Kind.IGNORED, "home:.bash_history"),
    ("home/.gitconfig", Kind.IGNORED, "home:.gitconfig"),
    ("cache/fontconfig/x", Kind.IGNORED, None),
    ("tmp/x", Kind.SCRATCH, "tmpdir:x"),
]


@pytest.mark.parametrize(("path", "kind", "name"), CASES)
def test_classify(path: str, kind: Kind, name: str | None, places: Places, tmp_path: Path) -> None:
    if path.startswith(("ref/other", "w/env", "w/.snakemake/conda")) or name is None:
        name = f"{tmp_path}/{path}"
    place = places.classify(f"{tmp_path}/{path}")
    assert (place.kind, place.name) == (kind, name) or (kind, path) == (Kind.SOURCE, "ref/other/x")
    here = places.path_of(place.name)
    assert here is not None and os.path.realpath(here) == os.path.realpath(place.path)


def test_the_system() -> None:
    places = Places(workdir="/data/w")
    for path in ("/usr/bin/x", "/lib/x", "/etc/passwd", "/opt/tool/x"):
        assert places.classify(path).kind is Kind.SYSTEM
    for path in ("/proc/1/x", "/dev/null", "/sys/x", "/run/x", "/var/cache/x"):
        assert places.classify(path).kind is Kind.IGNORED
    assert places.classify("/srv/x").kind is Kind.SOURCE
    assert Places(workdir="/opt/w").classify("/opt/w/x").kind is Kind.SOURCE
    assert Places(workdir="/tmp/w").classify("/tmp/w/x").kind is Kind.SOURCE
    assert Places(workdir="/tmp/w").classify("/tmp/x").kind is Kind.SCRATCH


def test_places_that_are_not_here() -> None:
    places = Places(workdir="/w", inputs=("/a/b",))
    assert places.path_of("input-dir:0:x") == "/a/x"
    for name in ("input-dir:1:x", "input-dir:x:x", "home:x", "workflow:x", "other:x", "input-dir"):
        assert places.path_of(name) is None


def test_what_is_written(places: Places, tmp_path: Path) -> None:
    assert places.is_written(f"{tmp_path}/w/old/deep/x")
    assert places.is_written(f"{tmp_path}/w/results/x")
    assert places.is_written(f"{tmp_path}/w/out")
    assert places.is_written(f"{tmp_path}/w/left")
    assert not places.is_written(f"{tmp_path}/w/x")
    assert not places.is_written(f"{tmp_path}/old")


def test_people_are_shown_short_paths(places: Places, tmp_path: Path) -> None:
    shown = {
        "workdir:.": "the working directory",
        "workdir:data/a.txt": "data/a.txt",
        "workflow:scripts/x.py": "workflow/scripts/x.py",
        "repository:x": "../repository/x",
        "home:.": "the home directory",
        "home:.config/x": "~/.config/x",
        "input-dir:0:a.txt.fai": "data/a.txt.fai",
        "input-dir:7:x": "input-dir:7:x",
        f"{tmp_path}/home/x": "~/x",
        "/usr/bin/x": "/usr/bin/x",
    }
    assert {name: places.shown(name) for name in shown} == shown


def test_what_is_asked_for_by_going_up() -> None:
    """It is named from the place that it was asked for from, wherever it lies."""
    ways = {
        "/home/u/p/shared/x": "/home/u/p/run/../shared/x",
        "/home/u/p/lib/y": "/home/u/p/flow/scripts/../../lib/y",
        "/tmp/z": "/home/u/p/run/../../../../tmp/z",
        "/opt/tool/lib": "/opt/tool/bin/../lib",
        "/home/u/p/run/a": "/home/u/p/run/b/../a",
    }
    here = Places(workdir="/home/u/p/run", workflow_dir="/home/u/p/flow", home="/home/u", ways=ways)
    names = {
        "/home/u/p/shared/x": "workdir:../shared/x",
        "/home/u/p/lib/y": "workflow:../lib/y",
        "/tmp/z": "workdir:../../../../tmp/z",
        "/opt/tool/lib": "/opt/tool/lib",
        "/home/u/p/run/a": "workdir:a",
        "/home/u/p/other": "/home/u/p/other",  # not asked for so, and no setting of the user
        "/home/u/.config/x": "home:.config/x",
    }
    assert {path: here.classify(path).name for path in names} == names
    assert here.classify("/tmp/z").kind is Kind.SOURCE
    elsewhere = Places(workdir="/data/q/run", workflow_dir="/data/flow")
    assert elsewhere.path_of("workdir:../shared/x") == "/data/q/shared/x"
    assert elsewhere.path_of("workflow:../lib/y") == "/data/lib/y"


def test_an_absolute_path_outside_may_mean_what_is_beside_a_clone(tmp_path: Path) -> None:
    for name in ("one/run", "one/shared", "two/run", "two/shared", "three/run"):
        (tmp_path / name).mkdir(parents=True)
    one, two, three = (Places(workdir=f"{tmp_path}/{name}/run") for name in ("one", "two", "three"))
    path = f"{tmp_path}/one/shared"
    assert one.paths_of(path, one.workdir) == [path]
    assert two.paths_of(path, one.workdir) == [f"{tmp_path}/two/shared", path]
    assert three.paths_of(path, one.workdir) == [path]
    assert two.paths_of(path, "") == [path]
    (tmp_path / "one/shared").rmdir()
    assert two.paths_of(path, one.workdir) == [f"{tmp_path}/two/shared"]
    assert three.paths_of(path, one.workdir) == [path]
