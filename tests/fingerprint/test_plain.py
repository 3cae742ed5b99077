"""The scripts and local modules that code names literally."""

from __future__ import annotations

import pytest

from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReader
from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_python
from snakemake_storage_plugin_seqstore.fingerprint.script_source import read_script
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import read_command

WORKDIR = "/home/me/flow"


def reader(files, **options):
    content = {
        path if path.startswith("/") else f"{WORKDIR}/{path}": text.encode()
        for path, text in files.items()
    }
    return PlainReader(WORKDIR, content.get, **options)


@pytest.mark.parametrize(
    ("command", "files", "expected"),
    [
        ("python x.py", {"x.py": "", "y.py": ""}, "x.py"),
        ("python x.py", {}, ""),
        ("python s/x.py", {"s/x.py": "import y", "s/y.py": "", "y.py": ""}, "s/x.py s/y.py"),
        ("python s/x.py", {"s/x.py": "import y", "y.py": ""}, "s/x.py"),
        (
            "python x.py",
            {
                "x.py": "from p.q import r, s",
                "p/__init__.py": "",
                "p/q/__init__.py": "",
                "p/q/r.py": "",
            },
            "x.py p/__init__.py p/q/__init__.py p/q/r.py",
        ),
        (
            "python x.py",
            {"x.py": "import p.q", "p/q.py": "from . import r", "p/r.py": ""},
            "x.py p/q.py p/r.py",
        ),
        ("python x.py", {"x.py": "import y", "y.py": "import x"}, "x.py y.py"),
        ("python x.py", {"x.py": "import_('y'); 'y.py'", "y.py": ""}, "x.py"),
        ("python -m p.m", {"p/m.py": "import k", "k.py": "", "p/__main__.py": ""}, "p/m.py k.py"),
        ("python -m p", {"p/__init__.py": "", "p/__main__.py": ""}, "p/__init__.py p/__main__.py"),
        ("python -c 'import y'", {"y.py": ""}, "y.py"),
        (
            "Rscript x.R",
            {"x.R": "source('lib/y.R')", "lib/y.R": "source('z.R')", "lib/z.R": ""},
            "x.R lib/y.R lib/z.R",
        ),
        (
            "bash x.sh",
            {"x.sh": ". ./env.sh; python y.py", "env.sh": "", "y.py": ""},
            "x.sh env.sh y.py",
        ),
        ("source env.sh", {"env.sh": "perl x.pl", "x.pl": ""}, "env.sh x.pl"),
        ("perl x.pl", {"x.pl": "require 'y.pl'", "y.pl": ""}, "x.pl"),
        ("java -jar lib/x.jar", {"lib/x.jar": "PK"}, "lib/x.jar"),
        (
            "bin/x a",
            {"bin/x": "#!/usr/bin/env python3\nimport y", "bin/y.py": ""},
            "bin/x bin/y.py",
        ),
        ("./x.sh", {"x.sh": "cat data.txt", "data.txt": ""}, "x.sh"),
        ("cat x.py y.txt", {"x.py": "", "y.txt": ""}, ""),
        ("tool --config c.yaml w R date", {"c.yaml": "", "w": "", "R": "", "date": ""}, ""),
        ("python /lab/x.py", {"/lab/x.py": "import y", "/lab/y.py": ""}, "/lab/x.py /lab/y.py"),
        ("/usr/bin/sort x", {"/usr/bin/sort": ""}, ""),
    ],
)
def test_files_of_a_command(command, files, expected):
    found = reader(files).of_command(read_command(command))
    assert found.files == tuple(sorted(expected.split()))


def test_symbols_stand_for_paths():
    symbols = {"\0basedir\0": "/flow/workflow", "\0input:0\0": f"{WORKDIR}/s/x.py"}
    files = {
        "/flow/workflow/a.py": "import b",
        "/flow/workflow/b.py": "",
        "s/x.py": "import y",
        "s/y.py": "",
    }
    read = reader(files, symbols=symbols)
    of_workflow = read.of_command(read_command("python \0basedir\0/a.py"))
    assert of_workflow.files == ("/flow/workflow/a.py", "/flow/workflow/b.py")
    of_input = read.of_command(read_command("python \0input:0\0"))
    assert of_input.files == ("s/y.py",)  # the script itself is an input
    as_program = read.of_command(read_command("\0basedir\0/a.py | \0input:0\0"))
    assert as_program.files == (*of_workflow.files, "s/y.py")
    assert as_program.programs == ()
    assert read.of_command(read_command("python \0input:1\0")).files == ()


def test_programs_variables_and_languages_of_what_is_followed():
    files = {"x.sh": "samtools sort $REF; python y.py", "y.py": "import os; os.getenv('K')"}
    found = reader(files).of_command(read_command("bash x.sh | gzip"))
    assert found.programs == ("bash", "gzip", "python", "samtools")
    assert found.variables == {"REF", "K"}
    assert found.languages == {"bash", "python"}


def test_sources():
    files = {"s/lib.py": "import deep", "s/deep.py": "", "w.py": "", "more/m.py": ""}
    names = read_python("import lib, w, m, json")
    read = reader(files, module_path=("more",))
    assert read.of_source(names, f"{WORKDIR}/s").files == ("more/m.py", "s/deep.py", "s/lib.py")
    assert reader(files, module_path=[""]).of_source(names, None).files == ()
    in_workdir = read.of_source(names, None, in_workdir=True, modules=[f"{WORKDIR}/s/lib.py"])
    assert in_workdir.files == ("more/m.py", "s/deep.py", "s/lib.py", "w.py")
    script = read_script("source('../r/x.R')", "R")
    assert reader({"r/x.R": ""}).of_source(script, f"{WORKDIR}/s").files == ("r/x.R",)
    assert (read.of_source(names, None) | in_workdir) == in_workdir


def test_a_walk_is_bounded():
    files = {f"m{number}.py": f"import m{number + 1}" for number in range(3000)}
    assert len(reader(files).of_command(read_command("python m0.py")).files) <= 1000
