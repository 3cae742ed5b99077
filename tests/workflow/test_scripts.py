"""Scripts, notebooks and wrappers: what must change the key, and what must not."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import snakemake_storage_plugin_seqstore as seqstore
from snakemake_storage_plugin_seqstore import bundled
from snakemake_storage_plugin_seqstore.workflow.code import scripts

from . import describing
from .test_run import OTHER, SAME, UNKNOWN, write

SCRIPT = "scripts/make.py"


@dataclasses.dataclass
class Pair:
    """Two states of a workflow, and whether a job's key must differ between them."""

    id: str
    expected: str
    before: dict[str, str]
    after: dict[str, str]
    head: tuple[str, str] = ("", "")
    directive: str = f'script: "{SCRIPT}"'
    message: str = ""


def snakefile(head: str, directive: str) -> str:
    return (
        f"{head}\nrule all:\n    input: 'one.out'\n"
        f"rule made:\n    output: '{{x}}.out'\n    wildcard_constraints: x='one'\n"
        f"    {directive}\n"
    )


def py(expected, before, after=None, id=None, more=({}, {}), **options):
    """A pair of Python scripts, with other files beside them."""
    after = before if after is None else after
    more = (more, more) if isinstance(more, dict) else more
    states = ({SCRIPT: before, **more[0]}, {SCRIPT: after, **more[1]})
    return Pair(id or before, expected, *states, **options)


def two(name: str, before: str = "1", after: str = "2"):
    return ({name: before}, {name: after})


def notebook(*sources, kernel="python3", language="python", **cell):
    cells = [
        {"cell_type": "code", "source": [source], "metadata": {}, "outputs": [], **cell}
        for source in sources
    ]
    metadata = {"kernelspec": {"name": kernel}, "language_info": {"name": language}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def nb(id, expected, before, after=None, more=({}, {}), **options):
    name = "notebooks/make.py.ipynb"
    states = ({name: before, **more[0]}, {name: before if after is None else after, **more[1]})
    return Pair(id, expected, *states, directive=f'notebook: "{name}"', **options)


def wrap(id, expected, before, after, **options):
    return Pair(id, expected, before, after, directive='wrapper: "file:wrap"', **options)


CONFIG = ("config['k'] = 1", "config['k'] = 2")
UNREAD = ("config['k'] = 1", "config['k'] = 1\nconfig['l'] = 2")
HERE = "from pathlib import Path\nopen(Path(__file__).parent / 'data.txt')"
SOURCE = 'source "$(dirname "$0")/b.sh"'
UP = "readLines(file.path(snakemake@scriptdir, '..', 'd', 't'))"
PATH = "import sys, os\nsys.path.insert(0, os.path.join(snakemake.scriptdir, '..', 'lib'))\n"

PAIRS = [
    py(SAME, "print(1)", id="the same"),
    py(OTHER, "print(1)", "print(2)", id="source"),
    py(SAME, "print(1)", id="another script", more=two("scripts/other.py")),
    py(OTHER, "import helpers", more=two("scripts/helpers.py")),
    py(OTHER, "from helpers import f", more=two("scripts/helpers.py")),
    py(OTHER, "def f():\n    import helpers", more=two("scripts/helpers.py")),
    py(OTHER, "import helpers", id="module of a module", more=(
        {"scripts/helpers.py": "import more", "scripts/more.py": "1"},
        {"scripts/helpers.py": "import more", "scripts/more.py": "2"})),
    py(OTHER, "import package.part", id="member of a package", more=(
        {"scripts/package/__init__.py": "", "scripts/package/part.py": "from . import a",
         "scripts/package/a.py": "1"},
        {"scripts/package/__init__.py": "", "scripts/package/part.py": "from . import a",
         "scripts/package/a.py": "2"})),
    py(OTHER, "import spaced.part", id="namespace package", more=two("scripts/spaced/part.py")),
    py(OTHER, "import helpers", id="module beside the Snakefile", more=two("helpers.py")),
    py(OTHER, PATH + "import helpers", id="module on a changed path", more=two("lib/helpers.py")),
    py(UNKNOWN, "import sys\nsys.path.append(snakemake.params[0])\nimport helpers",
       message="changes sys.path"),
    py(UNKNOWN, PATH + "import nowhere_at_all", id="nowhere", message="imports nowhere_at_all"),
    py(OTHER, "import importlib\nimportlib.import_module('helpers')",
       more=two("scripts/helpers.py")),
    py(UNKNOWN, "import importlib\nimportlib.import_module(snakemake.wildcards.x)",
       message="name is computed"),
    py(UNKNOWN, "exec(open('x.py').read())", message="uses exec"),
    py(UNKNOWN, "import importlib.util as u\nu.spec_from_file_location('a', 'b')",
       message="uses importlib"),
    py(UNKNOWN, "print(", id="no Python", message="cannot be parsed"),
    py(OTHER, "print(snakemake.config['k'])", head=CONFIG),
    py(SAME, "print(snakemake.config['k'])", id="another key of the config", head=UNREAD),
    py(SAME, "print(snakemake.config.get('k'))", id="another key by get", head=UNREAD),
    py(OTHER, "print(snakemake.config.get('k'))", head=CONFIG),
    py(OTHER, "print(dict(snakemake.config))", head=UNREAD),
    py(OTHER, "s = snakemake\nprint(s.config)", head=CONFIG),
    py(OTHER, "def f(s): print(s.config)\nf(snakemake)", head=CONFIG),
    py(OTHER, "print(getattr(snakemake, 'con' + 'fig'))", head=CONFIG),
    py(OTHER, "print(globals()['snake' + 'make'].config)", head=CONFIG),
    py(OTHER, "print(eval('snakemake.config'))", head=CONFIG),
    py(OTHER, "import __main__\nprint(__main__.snakemake.config)", head=CONFIG),
    py(OTHER, "from snakemake.shell import shell\nshell('echo {snakemake.config[k]}')",
       head=CONFIG),
    py(OTHER, "import snakemake.script as s\nprint(s.snakemake.config['k'])", head=CONFIG),
    py(OTHER, "import sys\nprint(sys.modules['__main__'].snakemake.config['k'])", head=CONFIG),
    py(OTHER, "import sys\nprint(getattr(sys.modules['__main__'], 'snake' + 'make').config)",
       head=CONFIG),
    py(SAME, "print(1)", id="config that is not read", head=CONFIG),
    py(SAME, "print(snakemake.input, snakemake.threads)", head=CONFIG),
    py(OTHER, "open('table.tsv')", more=two("table.tsv")),
    py(OTHER, "x = 'b'\nopen(f'data/{x}.tsv')", more=two("data/b.tsv")),
    py(OTHER, "open('data/' + str(2) + '.tsv')", more=two("data/2.tsv")),
    py(OTHER, "open('t%d.tsv' % 2)", more=two("t2.tsv")),
    py(OTHER, "from importlib import resources\nresources.files('package').joinpath('a.txt')",
       more=two("scripts/package/a.txt")),
    py(OTHER, "import os\nos.system('bash tool.sh')", id="file for a shell script", more=(
        {"tool.sh": "cat t.tsv", "t.tsv": "1"}, {"tool.sh": "cat t.tsv", "t.tsv": "2"})),
    py(OTHER, "import subprocess\nsubprocess.run(['python', '-m', 'tool'])",
       more=two("tool.py", "a = 1", "a = 2")),
    py(OTHER, "import pickle\npickle.load(open(snakemake.input[0], 'rb'))",
       more=two("scripts/helpers.py")),
    py(OTHER, "open('my table.tsv')", more=two("my table.tsv")),
    py(OTHER, "open('a,b=c:d.tsv')", more=two("a,b=c:d.tsv")),
    py(OTHER, 'open("it\'s.tsv")', more=two("it's.tsv")),
    py(OTHER, "key = 'k'\nprint(snakemake.config.get(key))", head=CONFIG),
    py(OTHER, "import helpers\nhelpers.f(snakemake)", head=CONFIG,
       more={"scripts/helpers.py": "def f(s): return s.config"}),
    py(OTHER, "import helpers\nhelpers.f()", id="snakemake in a module", head=CONFIG,
       more={"scripts/helpers.py": "from __main__ import snakemake as s\ndef f(): s.config"}),
    py(SAME, "'''Reads table.tsv'''", id="docstring", more=two("table.tsv")),
    py(OTHER, "open(snakemake.config['table'])", head="config['table'] = 't.tsv'",
       id="file that the config names", more=two("t.tsv")),
    py(OTHER, HERE, id="file beside the script", more=two("scripts/data.txt")),
    py(OTHER, HERE.replace("'data.txt'", "'..' / 'data' / 'a.txt'"), id="file above the script",
       more=two("data/a.txt")),
    py(OTHER, "open(snakemake.scriptdir + '/data.txt')", more=two("scripts/data.txt")),
    py(OTHER, "import os\nos.system('python tool.py')", more=two("tool.py", "a = 1", "a = 2")),
    py(OTHER, "import os\nos.system('python tool.py')", id="module of a program", more=(
        {"tools/tool.py": "", "tool.py": "import more", "more.py": "1"},
        {"tools/tool.py": "", "tool.py": "import more", "more.py": "2"})),
    py(SAME, "import helpers", id="compiled modules", more=(
        {"scripts/helpers.py": HERE},
        {"scripts/helpers.py": HERE, "scripts/__pycache__/helpers.cpython-311.pyc": "x"})),
    py(SAME, "open('one.out', 'w')", id="output that is there", more=({}, {"one.out": "1"})),
    py(UNKNOWN, "import os\nos.environ[snakemake.wildcards.x]", message="environment variables"),
    py(UNKNOWN, "import os\n[os.environ[k] for k in os.environ]", message="environment variables"),
    py(SAME, "print('a.b'.split('.'))", id="a dot"),
    py(UNKNOWN, "import os\nos.listdir('.')", message="into which the workflow writes"),
    py(UNKNOWN, "from pathlib import Path\nlist(Path.cwd().iterdir())", message="workflow writes"),
    Pair("Python in another directory", SAME, {SCRIPT: HERE}, {SCRIPT: HERE}),
    nb("cell", OTHER, notebook("print(1)"), notebook("print(2)")),
    nb("output of a cell", SAME, notebook("1"), notebook("1", outputs=["1"], execution_count=3)),
    nb("preamble", SAME, notebook("1"), notebook("1", metadata={"x": 1})),
    nb("config in a cell", OTHER, notebook("snakemake.config['k']"), head=CONFIG),
    nb("config that no cell reads", SAME, notebook("print(1)"), head=CONFIG),
    nb("command in a cell", OTHER, notebook("!sort {snakemake.config['k']}"), head=CONFIG),
    nb("shell cell", OTHER, notebook("%%bash\ncat {snakemake.config['k']}"), head=CONFIG),
    nb("module for a notebook", OTHER, notebook("import helpers"),
       more=two("notebooks/helpers.py")),
    nb("module in a timed cell", OTHER, notebook("%%time\nimport helpers"),
       more=two("notebooks/helpers.py")),
    nb("config in a captured cell", OTHER, notebook("%%capture out\nsnakemake.config['k']"),
       head=CONFIG),
    nb("config in a timed line", OTHER, notebook("%time x = snakemake.config['k']"), head=CONFIG),
    nb("config behind timeit", OTHER, notebook("%%timeit x = snakemake.config['k']\nx + 1"),
       head=CONFIG),
    nb("kind of timing", OTHER, notebook("%%time\nx = 1"), notebook("%%timeit\nx = 1")),
    nb("how results are shown", SAME, notebook("%matplotlib inline\nimport json"), head=CONFIG),
    nb("a line with %", SAME, notebook("x = (\n    '%s'\n    % 1\n)"), head=CONFIG),
    nb("script by magic", UNKNOWN, notebook("%run helpers.py"), message="uses %run"),
    nb("another language", UNKNOWN, notebook("%%R\n1"), message="uses %%R"),
    nb("IPython itself", UNKNOWN, notebook("get_ipython().run_cell('1')"), message="get_ipython"),
    nb("kernel", UNKNOWN, notebook("1", kernel="other"), message="the kernel other"),
    nb("R", UNKNOWN, notebook("1", language="R"), message="not in Python"),
    nb("no notebook", UNKNOWN, "{}", message="no notebook"),
    wrap("wrapper", OTHER, *two("wrap/wrapper.py", "print(1)", "print(2)")),
    wrap("environment of a wrapper", OTHER,
         {"wrap/wrapper.py": "1", "wrap/environment.yaml": "a"},
         {"wrap/wrapper.py": "1", "wrap/environment.yaml": "b"}),
    wrap("readme of a wrapper", SAME,
         {"wrap/wrapper.py": "1", "wrap/meta.yaml": "a"},
         {"wrap/wrapper.py": "1", "wrap/meta.yaml": "b"}),
    wrap("no wrapper", UNKNOWN, {}, {}, message="cannot be found"),
    Pair("bash", OTHER, *two("s/a.sh", "echo 1", "echo 2"), directive="script: 's/a.sh'"),
    Pair("config for bash", OTHER, {"s/a.sh": "1"}, {"s/a.sh": "1"}, head=CONFIG,
         directive="script: 's/a.sh'"),
    Pair("file beside bash", OTHER, {"s/a.sh": "1", "s/b": "1"}, {"s/a.sh": "1", "s/b": "2"},
         directive="script: 's/a.sh'"),
    Pair("file for bash", OTHER, {"s/a.sh": "cat t.tsv", "t.tsv": "1"},
         {"s/a.sh": "cat t.tsv", "t.tsv": "2"}, directive="script: 's/a.sh'"),
    Pair("file above bash", OTHER, {"w/s/a.sh": "cat ../d/t", "w/d/t": "1"},
         {"w/s/a.sh": "cat ../d/t", "w/d/t": "2"}, directive="script: 'w/s/a.sh'"),
    Pair("file for a script that bash sources", OTHER,
         {"s/a.sh": SOURCE, "s/b.sh": "cat t.tsv", "t.tsv": "1"},
         {"s/a.sh": SOURCE, "s/b.sh": "cat t.tsv", "t.tsv": "2"}, directive="script: 's/a.sh'"),
    Pair("R", OTHER, *two("s/a.R"), directive="script: 's/a.R'"),
    Pair("file for R", OTHER, {"s/a.R": "read('t.tsv')", "t.tsv": "1"},
         {"s/a.R": "read('t.tsv')", "t.tsv": "2"}, directive="script: 's/a.R'"),
    Pair("file above R", OTHER, {"w/s/a.R": UP, "w/d/t": "1"}, {"w/s/a.R": UP, "w/d/t": "2"},
         directive="script: 'w/s/a.R'"),
    Pair("R Markdown", OTHER, *two("s/a.Rmd"), directive="script: 's/a.Rmd'"),
    Pair("another library for R", UNKNOWN, {"s/a.R": ".libPaths('lib')"}, {},
         directive="script: 's/a.R'", message="deploy its software"),
    Pair("another library for R that another script chooses", UNKNOWN,
         {"s/a.R": "source('lib/b.R')", "lib/b.R": "renv::load()"}, {},
         directive="script: 's/a.R'", message="deploy its software"),
    Pair("R lists a directory", UNKNOWN, {"s/a.R": "list.files(pattern = 'x')"}, {},
         directive="script: 's/a.R'", message="it names the directory"),
    Pair("R asks git", UNKNOWN, {"s/a.R": "system2('git', c('log', '-1'))"}, {},
         directive="script: 's/a.R'", message="it runs `git log`"),
    Pair("bash asks git", UNKNOWN, {"s/a.sh": "git rev-parse HEAD"}, {},
         directive="script: 's/a.sh'", message="it runs `git rev-parse`"),
    py(UNKNOWN, "import subprocess\nsubprocess.run(['git', 'show'])", message="it runs `git show`"),
    py(UNKNOWN, "import os\nos.system('docker run x')", message="it runs `docker run`"),
    py(SAME, '"""What git log says."""', id="docstring"),
    Pair("Julia without its software", UNKNOWN, {"s/a.jl": "1"}, {}, directive="script: 's/a.jl'",
         message="deploy its software"),
    Pair("script by wildcard", OTHER, *two("s/one.py", "print(1)", "print(2)"),
         directive="script: 's/{wildcards.x}.py'"),
]  # fmt: skip


@pytest.fixture
def no_jupyter(tmp_path, monkeypatch):
    """No programs and kernels for notebooks but those of this Python; stand-ins for R."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    for name in ("Rscript", "R"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{tmp_path}:/usr/bin:/bin")


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.id)
@pytest.mark.usefixtures("no_jupyter")
def test_what_changes_the_key(tmp_path, case):
    heads = (case.head, case.head) if isinstance(case.head, str) else case.head
    before = write(tmp_path / "a", snakefile(heads[0], case.directive), case.before)
    key = describing.in_a_fork(before)["one.out"]
    if case.expected == UNKNOWN:
        assert key.startswith("unknown:") and case.message in key, key
        return
    after = write(tmp_path / "b", snakefile(heads[1], case.directive), case.after)
    other = describing.in_a_fork(after)["one.out"]
    assert not key.startswith("unknown") and not other.startswith("unknown"), (key, other)
    assert (key == other) == (case.expected == SAME)


NOTEBOOK = "notebooks/make.py.ipynb"
OF_NOTEBOOK = f'notebook: "{NOTEBOOK}"'


@pytest.mark.usefixtures("no_jupyter")
def test_a_notebook_finds_modules_in_the_working_directory(tmp_path, monkeypatch):
    """Also where that is not the workflow's own directory."""
    files = {f"workflow/{NOTEBOOK}": notebook("import helpers")}
    files["workflow/Snakefile"] = snakefile("", OF_NOTEBOOK)
    directory = write(tmp_path / "a", "", files)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", os.getcwd())])
    keys = []
    for text in ("1", "2"):
        (directory / "helpers.py").write_text(text)
        keys.append(describing.in_a_fork(directory, "workflow/Snakefile")["one.out"])
    assert keys[0].startswith("notebook ") and keys[0] != keys[1]


@pytest.mark.usefixtures("no_jupyter")
@pytest.mark.parametrize("program", ["papermill", "jupyter-nbconvert"])
def test_a_notebook_that_another_python_runs_is_unknown(tmp_path, monkeypatch, program):
    directory = write(tmp_path / "a", snakefile("", OF_NOTEBOOK), {NOTEBOOK: notebook("1")})
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    (elsewhere / program).write_text("#!/bin/sh\n")
    (elsewhere / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{elsewhere}{os.pathsep}{os.environ['PATH']}")
    found = describing.in_a_fork(directory)["one.out"]
    if program == "jupyter-nbconvert" and (Path(sys.executable).parent / "papermill").exists():
        assert found.startswith("notebook ")  # which comes first
    else:
        assert str(elsewhere / program) in found


@pytest.mark.parametrize(("text", "expected"), [("print(snakemake.rule)", OTHER), ("1", SAME)])
def test_the_name_of_the_rule(tmp_path, text, expected):
    keys = []
    for name in ("first", "second"):
        rules = snakefile("", f'script: "{SCRIPT}"').replace("rule made", f"rule {name}")
        keys.append(describing.in_a_fork(write(tmp_path / name, rules, {SCRIPT: text}))["one.out"])
    assert (keys[0] == keys[1]) == (expected == SAME)


@pytest.mark.parametrize(
    ("text", "differ"),
    [("1", False), ("snakemake.wildcards.x", True), ("print(snakemake)", True)],
)
def test_wildcards_count_when_they_are_read(tmp_path, text, differ):
    rules = snakefile("", f'script: "{SCRIPT}"').replace("'one.out'", "'one.out', 'two.out'")
    rules = rules.replace("x='one'", "x='one|two'")
    found = describing.in_a_fork(write(tmp_path / "a", rules, {SCRIPT: text}))
    assert not any(key.startswith("unknown") for key in found.values()), found
    assert (found["one.out"] != found["two.out"]) == differ


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nos.environ['SETTING']", OTHER),
        ("import os\nos.environ.get('SETTING')", OTHER),
        ("from os import getenv\ngetenv('SETTING')", OTHER),
        ("import os\nos.system('echo $SETTING')", OTHER),
        ("import os, subprocess\nsubprocess.run(['x'], env={**os.environ, 'A': 'b'})", SAME),
    ],
)
def test_variables_count_when_they_are_read(tmp_path, monkeypatch, text, expected):
    directory = write(tmp_path / "a", snakefile("", f'script: "{SCRIPT}"'), {SCRIPT: text})
    keys = []
    for value in ("1", "2"):
        monkeypatch.setenv("SETTING", value)
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert not keys[0].startswith("unknown")
    assert (keys[0] == keys[1]) == (expected == SAME)


def test_a_program_that_a_script_runs_counts(tmp_path, monkeypatch):
    text = "import subprocess\nsubprocess.run(['mytool', '-x'])"
    directory = write(tmp_path / "a", snakefile("", f'script: "{SCRIPT}"'), {SCRIPT: text})
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    keys = []
    for version in ("1", "2"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin/mytool").write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / "bin/mytool").chmod(0o755)
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert keys[0] != keys[1]


def test_a_script_that_reads_where_the_workflow_writes_is_unknown(tmp_path):
    rules = snakefile("", 'script: "make.py"').replace("{x}.out", "here/{x}.out")
    rules = rules.replace("'one.out'", "'here/one.out'")
    for text, message in ((HERE, "keep code in a directory"), ("open('here')", "declare")):
        directory = write(tmp_path / str(len(text)), rules, {"make.py": text, "here/x": ""})
        assert message in describing.in_a_fork(directory)["here/one.out"]


def test_a_wrapper_of_the_package_counts_by_its_version(tmp_path, monkeypatch):
    rules = snakefile("", f'wrapper: "{seqstore.wrapper("sequences/build")}"')
    directory = write(tmp_path / "a", rules, {})
    key = describing.in_a_fork(directory)["one.out"]
    assert key.startswith("wrapper sequences/build 1 ")
    monkeypatch.setitem(bundled.VERSIONS, "sequences/build", 2)
    assert describing.in_a_fork(directory)["one.out"].startswith("wrapper sequences/build 2 ")


def test_deployed_software_counts_in_place_of_the_hosts(tmp_path, monkeypatch):
    directory = write(
        tmp_path / "a", snakefile("", "script: 's/a.R'"), {"s/a.R": "library(ggplot2)"}
    )
    keys = []
    for image in ("docker://r@sha256:1", "docker://r@sha256:2", "docker://r@sha256:1"):
        monkeypatch.setattr(scripts, "deployed", lambda job, contents, image=image: image)
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert keys[0] == keys[2] != keys[1] and keys[0].startswith("script ")


def test_what_an_environment_lacks_comes_from_the_host():
    pins = "@EXPLICIT\nhttps://x/linux-64/python-3.12.1-h_0.conda\nhttps://x/pandas-2.2-py_0.conda"
    from snakemake_storage_plugin_seqstore.workflow.code.interpreters import _pinned

    assert _pinned("pandas", pins) and not _pinned("pan", pins) and not _pinned("numpy", pins)
    assert not _pinned("pandas", None)


def test_the_key_is_the_same_in_every_process(tmp_path):
    text = "import helpers, json\nx = {'a', 'b', 'c'}\nprint(snakemake.config, snakemake)"
    head = "config['names'] = {'a': {'x', 'y', 'z'}, 'b': [1, 2]}"
    files = {SCRIPT: text, "scripts/helpers.py": HERE, "scripts/data.txt": "1"}
    found = []
    for seed in ("1", "2", "3"):
        directory = write(tmp_path / seed, snakefile(head, f'script: "{SCRIPT}"'), files)
        process = subprocess.run(
            [sys.executable, describing.__file__, str(directory)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found.append(json.loads(process.stdout)["one.out"])
    assert len(set(found)) == 1 and found[0].startswith("script "), found
