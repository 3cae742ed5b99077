"""Programs and packages, looked for again and again in one process that remembers directories."""

import os
import shutil
import site
import sys
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.lists import Lists
from snakemake_storage_plugin_seqstore.workflow.packages import Packages
from snakemake_storage_plugin_seqstore.workflow.software import Software


@pytest.fixture
def directories():
    return Directories()


@pytest.fixture
def packages(directories, tmp_path):
    """Packages as they are found at the start of each job."""
    return lambda: Packages(Contents(FileHashes(tmp_path / "memory")), directories)


@pytest.fixture
def programs(directories, packages, tmp_path, monkeypatch):
    """Programs as they are found at the start of each job, in two directories of the path."""
    contents = Contents(FileHashes(tmp_path / "memory"))
    monkeypatch.setenv("PATH", f"{tmp_path}/first:{tmp_path}/missing:{tmp_path}/second")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    return lambda *words: Software(
        contents, directories, packages(), Lists(contents, lambda _: False, directories)
    ).programs(words)


def write(path, text="", mode=0o755):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def settled(monkeypatch):
    """Let everything count as old: nothing is read again because it is new."""
    monkeypatch.setattr(
        "snakemake_storage_plugin_seqstore.workflow.directories.is_settled", lambda *_: True
    )


def test_a_program_that_comes_first_from_now_on_is_found(programs, tmp_path, settled):
    write(tmp_path / "second/tool", "old")
    old = programs("tool", "other")
    assert list(old) == ["tool"] and programs("tool", "other") == old
    write(tmp_path / "first/tool", "new")
    new = programs("tool")
    assert new != old
    (tmp_path / "first/tool").unlink()
    assert programs("tool") == old
    (tmp_path / "second/tool").unlink()
    assert programs("tool") == {}


def test_a_directory_that_comes_later_is_looked_into(programs, tmp_path, settled):
    write(tmp_path / "second/tool", "old")
    old = programs("tool")
    write(tmp_path / "missing/tool", "new")
    assert programs("tool") != old


def test_only_what_can_be_run_is_a_program(programs, tmp_path, settled):
    write(tmp_path / "first/tool", "data", 0o644)
    (tmp_path / "first/folder").mkdir()
    assert programs("tool", "folder") == {}
    write(tmp_path / "second/tool", "program")
    assert list(programs("tool")) == ["tool"]
    before = programs("tool")
    (tmp_path / "first/tool").chmod(0o755)  # changes no name
    assert programs("tool") != before


def test_programs_in_a_directory_that_cannot_be_listed_are_found(
    programs, tmp_path, settled, monkeypatch
):
    write(tmp_path / "first/tool", "program")

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert list(programs("tool", "other")) == ["tool"]


def test_what_a_shell_program_calls_is_found_again_when_it_changes(programs, tmp_path, settled):
    for name in ("tool", "other"):
        write(tmp_path / "second" / name, name)
    write(tmp_path / "first/wrapper", "#!/no/sh\nexec tool\n")
    for _ in range(2):
        assert list(programs("wrapper")) == ["tool", "wrapper"]
    write(tmp_path / "first/wrapper", "#!/no/sh\nexec other\n")
    assert list(programs("wrapper")) == ["other", "wrapper"]


def install(site, version, editable=None):
    """Install a package as pip does."""
    for old in site.glob("lab-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = site / f"lab-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: lab\nVersion: {version}\n")
    write(info / "top_level.txt", "lab\n")
    write(info / "RECORD", "lab.py,,\n")
    if editable:
        url = f'{{"url": "file://{editable}", "dir_info": {{"editable": true}}}}'
        write(info / "direct_url.json", url)


def test_a_package_of_another_version_is_another_one(packages, tmp_path, monkeypatch, settled):
    site = tmp_path / "lib/python3.99/site-packages"
    python = write(tmp_path / "bin/python")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    install(site, "1.0")
    beside = packages().beside(python)
    assert packages().of(["lab"]) == {"lab": "lab-1.0"}
    assert (packages().of(["lab"]), packages().beside(python)) == ({"lab": "lab-1.0"}, beside)
    install(site, "1.1")
    assert packages().of(["lab"]) == {"lab": "lab-1.1"}
    assert packages().beside(python) != beside


def test_the_sources_of_an_editable_package_count(packages, tmp_path, monkeypatch, settled):
    site, sources = tmp_path / "lib/python3.99/site-packages", tmp_path / "checkout"
    python = write(tmp_path / "bin/python")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    write(sources / "lab/core.py", "x = 1")
    write(sources / ".venv/lab.py", "not a source")
    install(site, "1.0", sources)
    before = packages().of(["lab"]), packages().beside(python)
    write(sources / ".venv/lab.py", "not a source either")
    write(sources / "venv/pyvenv.cfg")
    write(sources / "venv/lib/lab.py", "nor this one")
    write(sources / "results/lab.json", "nor data that is in no package")
    assert (packages().of(["lab"]), packages().beside(python)) == before
    (sources / "lab/core.py").write_text("x = 2")  # in place: no directory changes
    assert packages().of(["lab"]) != before[0]
    assert packages().beside(python) != before[1]
    write(sources / "lab/__init__.py")
    seen = [packages().of(["lab"])]
    for text in ("1", "2"):
        write(sources / "lab/data/table.json", text)
        seen.append(packages().of(["lab"]))
    assert len(set(map(str, seen))) == 3


def test_what_is_no_package_has_no_version(packages):
    assert packages().of(["os", "nowhere"]) == {}
    assert packages().beside(Path("/nowhere/bin/python")) == packages().beside(
        Path("/no/bin/python")
    )


def test_a_directory_that_was_large_once_is_not_counted_again(directories, tmp_path):
    for name in "abc":
        write(tmp_path / "large/below" / name)
    (tmp_path / "link").symlink_to("large")
    assert not directories.is_large(str(tmp_path / "large"), 4)
    assert directories.is_large(str(tmp_path / "link"), 3)
    (tmp_path / "large/below/a").unlink()
    assert directories.is_large(str(tmp_path / "large"), 3)
    assert not Directories().is_large(str(tmp_path / "large"), 3)


def test_packages_of_the_user_count_but_not_in_virtual_environments(
    packages, tmp_path, monkeypatch, settled
):
    monkeypatch.setattr(site, "USER_BASE", str(tmp_path / "user"))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    python = write(tmp_path / "env/bin/python")
    alone = packages().beside(python)
    install(tmp_path / "user/lib/python3.99/site-packages", "1.0")
    assert packages().beside(python) != alone
    write(tmp_path / "env/pyvenv.cfg", "include-system-site-packages = true\n")
    assert packages().beside(python) != alone
    write(tmp_path / "env/pyvenv.cfg", "include-system-site-packages = false\n")
    assert packages().beside(python) == alone
    (tmp_path / "env/pyvenv.cfg").unlink()
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert packages().beside(python) == alone


def test_what_a_script_has_beside_it_counts_behind_a_link_too(programs, tmp_path, settled):
    write(tmp_path / "share/tool-1/tool", "#!/no/perl\nrun($here . '/tool.jar')\n")
    write(tmp_path / "share/tool-1/tool.jar", "old")
    (tmp_path / "first/tool").symlink_to("../share/tool-1/tool")
    assert list(programs("tool")) == ["tool", "tool files"]
    old = programs("tool")
    assert programs("tool") == old
    write(tmp_path / "share/tool-1/tool.jar", "new")
    assert programs("tool") != old


def test_modules_beside_a_program_in_python_count(programs, tmp_path, settled):
    write(tmp_path / "first/tool", "#!/no/python3\nimport os, one\nfrom two.three import x\n")
    alone = programs("tool")
    assert list(alone) == ["tool"]
    write(tmp_path / "first/one.py", "x = 1")
    one = programs("tool")
    write(tmp_path / "first/two/three.py", "x = 1")
    two = programs("tool")
    write(tmp_path / "first/two/three.py", "x = 2")
    assert len({str(found) for found in (alone, one, two, programs("tool"))}) == 4


@pytest.mark.parametrize("text", ["program", "#!/no/sh\n"])
def test_packages_of_r_count_by_their_versions(programs, tmp_path, monkeypatch, settled, text):
    def package(library, name, version):
        write(tmp_path / library / name / "DESCRIPTION", f"Package: {name}\nVersion: {version}\n")

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("R_LIBS", "R_LIBS_USER", "R_LIBS_SITE"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path / "env/bin/Rscript", text)
    (tmp_path / "first/Rscript").symlink_to("../env/bin/Rscript")
    seen = [programs("Rscript")]
    assert list(seen[0]) == ["Rscript", "Rscript packages"]
    package("env/lib/R/library", "one", 1)
    seen.append(programs("Rscript"))
    assert programs("Rscript") == seen[-1]
    package("home/R/x86_64/4.3", "two", 1)
    seen.append(programs("Rscript"))
    package("user", "three", 1)
    monkeypatch.setenv("R_LIBS_USER", str(tmp_path / "user"))
    seen.append(programs("Rscript"))
    shutil.rmtree(tmp_path / "env/lib/R/library/one")  # as R updates it
    package("env/lib/R/library", "one", 2)
    seen.append(programs("Rscript"))
    assert len(set(map(str, seen))) == 5
