"""Which package a file belongs to."""

import json
import os
import sys
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.observe.environments import (
    CondaFiles,
    PythonFiles,
    own_distributions,
)
from snakemake_storage_plugin_seqstore.observe.packages import Packages
from snakemake_storage_plugin_seqstore.observe.system_packages import Dpkg, Rpm

STATUS = """\
Package: shell
Status: install ok installed
Essential: yes
Architecture: amd64
Version: 1:2-3
Pre-Depends: libbase (>= 2) | other, virtual
Description: a shell
 Package: not one

Package: libbase
Status: install ok installed
Architecture: amd64
Version: 5

Package: provider
Status: install ok installed
Architecture: all
Version: 6
Provides: virtual (= 1)

Package: tool
Status: install ok installed
Architecture: amd64
Version: 7
Depends: libbase

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 8
"""


def test_dpkg(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info.parent / "status").write_text(STATUS)
    (info / "shell.list").write_text("/.\n/bin\n/bin/sh\n")
    (info / "libbase:amd64.list").write_text("/usr/lib/libbase.so\n")
    (info / "tool.list").write_text("/usr/bin/tool\n")
    (info / "gone.list").write_text("/etc/gone\n")
    dpkg = Dpkg(str(tmp_path))
    owners = {"/usr/bin/sh": "shell", "/bin/sh": "shell", "/lib/libbase.so": "libbase",
              "/usr/bin/tool": "tool", "/etc/gone": None, "/usr/bin/other": None}  # fmt: skip
    assert {path: dpkg.owner(path) for path in owners} == owners
    assert {name: dpkg.version(name) for name in ("shell", "tool", "gone")} == {
        "shell": "1:2-3", "tool": "7", "gone": None,
    }  # fmt: skip
    base = {name for name in ("shell", "libbase", "provider", "tool") if name in dpkg.base}
    assert base == {"shell", "libbase", "provider"}


def test_dpkg_reads_the_lists_of_the_base_first(tmp_path: Path) -> None:
    test_dpkg(tmp_path)
    dpkg = Dpkg(str(tmp_path))
    assert dpkg.owner("/bin/sh") == "shell"
    assert "_other_files" not in vars(dpkg)
    assert dpkg.version("tool") == "7"
    assert "_other_files" not in vars(dpkg)


def test_a_directory_belongs_to_no_package() -> None:
    packages = Packages()
    library = Path(os.__file__)  # of this Python, whoever installed it
    assert packages.owner(str(library.parent)) is None
    listed = next(Path("/var/lib/dpkg/info").glob("bash*.list"), None)
    if listed is not None:
        assert "/usr/share/doc" in listed.read_text().split("\n")
        assert packages.owner("/usr/share/doc") is None and packages.owner("/bin/bash")


def test_rpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        "bash 5-1 file /usr/bin/bash", "bash 5-1 needs libc.so.6", "glibc 2-1 is libc.so.6",
        "glibc 2-1 file /usr/lib64/libc.so.6", "tool 1-1 file /usr/bin/tool",
    ]  # fmt: skip
    fake = tmp_path / "rpm"
    said = "\n".join("\t".join(row.split()) for row in rows)
    fake.write_text(f"#!/bin/sh\ncat <<'E'\n{said}\nE\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert Rpm(str(tmp_path)).owner("/usr/bin/tool") is None  # no packages are installed there
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    rpm = Rpm(str(tmp_path))
    assert (rpm.owner("/bin/tool"), rpm.version("tool")) == ("tool", "1-1")
    assert [name for name in ("bash", "glibc", "tool") if name in rpm.base] == ["bash", "glibc"]


def test_conda(tmp_path: Path) -> None:
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("")
    for name, version, files in [("a-tool", "1.2", ["bin/a"]), ("py", "3", ["lib/x.py"])]:
        package = {"name": name, "version": version, "build": "h1_0", "files": files}
        (meta / f"{name}-{version}-h1_0.json").write_text(json.dumps(package))
    (meta / "broken-1-0.json").write_text("{")
    conda = CondaFiles(str(tmp_path))
    assert conda.owner(f"{tmp_path}/bin/a") == "a-tool"
    assert conda.owner(f"{tmp_path}/bin/b") is None
    assert conda.version("a-tool") == "1.2-h1_0"
    assert conda.version("py") == "3-h1_0"
    owner = Packages().owner(f"{tmp_path}/lib/x.py")
    assert owner is not None and (owner.prefix, owner.name) == (str(tmp_path), "py")


def test_python(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    info = site / "My_Package-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text('my_package/x.py,sha256=1,3\n"a,b.py",,\n../../../bin/my,,\n')
    header = tmp_path / "include/python3.11/patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text('#define PY_VERSION      "3.11.9"\n')
    python = PythonFiles(str(tmp_path))
    paths = {f"{site}/my_package/x.py": "my-package", f"{site}/a,b.py": "my-package",
             f"{tmp_path}/bin/my": "my-package", f"{site}/other.py": None,
             f"{tmp_path}/lib/python3.11/os.py": "python", f"{tmp_path}/bin/python3": "python",
             f"{tmp_path}/bin/other": None}  # fmt: skip
    assert {path: python.owner(path) for path in paths} == paths
    assert python.version("my-package") == "1.5"
    assert python.version("python") == "3.11.9"


def test_snakemake_and_its_needs_never_count() -> None:
    own = own_distributions()
    assert {"snakemake", "snakemake-storage-plugin-seqstore", "jinja2", "markupsafe"} <= own
    assert "numpy" not in own  # this package needs it, jobs that load it do so for themselves
    file = Path(sys.prefix, "lib", f"python3.{sys.version_info[1]}", "site-packages")
    owner = Packages().owner(str(file / "jinja2/__init__.py"))
    assert owner is not None and owner.base
    owner = Packages().owner(str(file / "numpy/__init__.py"))
    assert owner is not None and not owner.base
