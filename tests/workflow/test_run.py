"""`run:` blocks: what must change the key, and what must not."""

import dataclasses
import json
import os
import subprocess
import sys
import textwrap

import pytest

from . import describing

SAME, OTHER, UNKNOWN = "same", "other", "unknown"


@dataclasses.dataclass
class Pair:
    """Two states of a workflow, and whether a job's key must differ between them."""

    id: str
    expected: str
    before: str
    after: str
    head: tuple[str, str] = ("", "")
    files: tuple[dict, dict] = ({}, {})
    message: str = ""


def snakefile(head: str, body: str) -> str:
    rule = 'rule made:\n    output: "{x}.out"\n    wildcard_constraints: x="one"\n'
    target = 'rule all:\n    input: "one.out"\n'
    block = textwrap.indent(textwrap.dedent(body).strip("\n"), "        ")
    return f"{textwrap.dedent(head)}\n{target}{rule}    run:\n{block}\n"


def pair(id, expected, before, after=None, head=("", ""), files=({}, {}), message=""):
    head = (head, head) if isinstance(head, str) else head
    return Pair(id, expected, before, before if after is None else after, head, files, message)


WRITE = "open(output[0], 'w').write(str({}))"
MODULE = "import helpers\n"
READS = "def f(): return open('table.tsv').read()"
SHELL = "from snakemake.shell import shell as sh\nC = 'echo {K} > {output}'\n"
OPAQUE = """
import argparse, functools, logging, threading
LOCK = threading.Lock()
LOG = logging.getLogger(__name__)
PARSER = argparse.ArgumentParser()
class C:
    lock = threading.Lock()
    __slots__ = ("k",)
    def __init__(self): super().__init__()
    @property
    def p(self): return 1
    @staticmethod
    def s(): return 1
@functools.cache
def f(): return 1
"""

PAIRS = [
    pair("constant", OTHER, WRITE.format(1), WRITE.format(2)),
    pair("type of a constant", OTHER, WRITE.format(1), WRITE.format(1.0)),
    pair("sign of zero", OTHER, WRITE.format("-0.0"), WRITE.format("0.0")),
    pair("comment", SAME, WRITE.format(1), "# new\n\n" + WRITE.format(1)),
    pair("position", SAME, WRITE.format(1), head=("", "\n\nUNUSED = 1\n")),
    pair("continuation line", OTHER, "x = (1 +\n   2)\n" + WRITE.format("x"),
         "x = (1 +\n   3)\n" + WRITE.format("x")),
    pair("nested function", OTHER, "def f():\n    return 1\n" + WRITE.format("f()"),
         "def f():\n    return 2\n" + WRITE.format("f()")),
    pair("lambda", OTHER, "f = lambda: 1\n" + WRITE.format("f()"),
         "f = lambda: 2\n" + WRITE.format("f()")),
    pair("set constant", OTHER, WRITE.format("1 in {1, 2}"), WRITE.format("1 in {1, 3}")),
    pair("global", OTHER, WRITE.format("K"), head=("K = 1", "K = 2")),
    pair("type of a global", OTHER, WRITE.format("K"), head=("K = 1", "K = True")),
    pair("order of a global dict", OTHER, WRITE.format("K"),
         head=("K = {'a': 1, 'b': 2}", "K = {'b': 2, 'a': 1}")),
    pair("path as a tuple", OTHER, WRITE.format("K"),
         head=("from pathlib import Path\nK = Path('x')", "K = ('path', 'x')")),
    pair("list as a tuple", OTHER, WRITE.format("K"), head=("K = [1]", "K = (1,)")),
    pair("config that is missing", OTHER, WRITE.format("config.get('k')"),
         head=("", "config['k'] = 'missing'")),
    pair("enum", OTHER, WRITE.format("C.a.value"),
         head=("import enum\nclass C(enum.Enum):\n    a = 1",
               "import enum\nclass C(enum.Enum):\n    a = 2")),
    pair("unread global", SAME, WRITE.format("K"), head=("K = 1\nL = 1", "K = 1\nL = 2")),
    pair("read key of a global dict", OTHER, WRITE.format("K['a']"),
         head=("K = {'a': 1, 'b': 2}", "K = {'a': 3, 'b': 2}")),
    pair("unread key of a global dict", SAME, WRITE.format("K['a']"),
         head=("K = {'a': 1, 'b': 2}", "K = {'a': 1, 'b': 3}")),
    pair("computed key of a global dict", OTHER, "k = 'b'\n" + WRITE.format("K[k]"),
         head=("K = {'a': 1, 'b': 2}", "K = {'a': 1, 'b': 3}")),
    pair("global read in a nested function", OTHER,
         "def f():\n    return K\n" + WRITE.format("f()"),
         head=("K = 1", "K = 2")),
    pair("global read in a comprehension", OTHER, WRITE.format("[K for _ in range(2)]"),
         head=("K = 1", "K = 2")),
    pair("body of a helper", OTHER, WRITE.format("f()"),
         head=("def f(): return 1", "def f(): return 2")),
    pair("default of a helper", OTHER, WRITE.format("f()"),
         head=("def f(x=1): return x", "def f(x=2): return x")),
    pair("helper of a helper", OTHER, WRITE.format("f()"),
         head=("def f(): return g()\ndef g(): return 1", "def f(): return g()\ndef g(): return 2")),
    pair("global of a helper of a helper", OTHER, WRITE.format("f()"),
         head=("def f(): return g()\ndef g(): return K\nK = 1",
               "def f(): return g()\ndef g(): return K\nK = 2")),
    pair("recursive helpers", OTHER, WRITE.format("f(3)"),
         head=("def f(n): return g(n)\ndef g(n): return n and f(n - 1)",
               "def f(n): return g(n)\ndef g(n): return n and f(n - 2)")),
    pair("closure", OTHER, WRITE.format("f()"),
         head=("def make(n):\n    return lambda: n\nf = make(1)",
               "def make(n):\n    return lambda: n\nf = make(2)")),
    pair("lambda in a dict", OTHER, WRITE.format("K['f']()"),
         head=("K = {'f': lambda: 1}", "K = {'f': lambda: 2}")),
    pair("config as a default", OTHER, WRITE.format("f()"),
         head=("config['k'] = 1\ndef f(c=config): return c['k']",
               "config['k'] = 2\ndef f(c=config): return c['k']")),
    pair("what a local decorator wraps", OTHER, WRITE.format("f()"),
         head=(MODULE + "@helpers.twice\ndef f(): return 1",
               MODULE + "@helpers.twice\ndef f(): return 2"),
         files=({"helpers.py": "def twice(f): return lambda: f() * 2"},) * 2),
    pair("local decorator", OTHER, WRITE.format("f()"),
         head=MODULE + "@helpers.twice\ndef f(): return 1",
         files=({"helpers.py": "def twice(f): return lambda: f() * 2"},
                {"helpers.py": "def twice(f): return lambda: f() * 3"})),
    pair("local base of a class", OTHER, WRITE.format("C().f()"),
         head=MODULE + "class C(helpers.B): pass",
         files=({"helpers.py": "class B:\n    def f(self): return 1"},
                {"helpers.py": "class B:\n    def f(self): return 2"})),
    pair("object of a local class", UNKNOWN, WRITE.format("c.n"),
         head=MODULE + "c = helpers.C()\nc.n = 1",
         files=({"helpers.py": "class C: pass"}, {}), message="reads c"),
    pair("global that a helper changes", OTHER, "f()\n" + WRITE.format("K"),
         head=("K = 1\ndef f():\n    global K\n    K += 1",
               "K = 1\ndef f():\n    global K\n    K += 2")),
    pair("partial", OTHER, WRITE.format("f()"),
         head=("from functools import partial\nf = partial(int, '1')",
               "from functools import partial\nf = partial(int, '2')")),
    pair("cached helper", OTHER, WRITE.format("f()"),
         head=("import functools\n@functools.cache\ndef f(): return 1",
               "import functools\n@functools.cache\ndef f(): return 2")),
    pair("method of a class", OTHER, WRITE.format("C().f()"),
         head=("class C:\n    def f(self): return 1", "class C:\n    def f(self): return 2")),
    pair("base of a class", OTHER, WRITE.format("C().f()"),
         head=("class B:\n    def f(self): return 1\nclass C(B): pass",
               "class B:\n    def f(self): return 2\nclass C(B): pass")),
    pair("object of a class", OTHER, WRITE.format("c.n"),
         head=("class C: pass\nc = C()\nc.n = 1", "class C: pass\nc = C()\nc.n = 2")),
    pair("dataclass", OTHER, WRITE.format("C()"),
         head=("import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = 1",
               "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = 2")),
    pair("pattern", OTHER, WRITE.format("P.match('a')"),
         head=("import re\nP = re.compile('a')", "import re\nP = re.compile('A', re.I)")),
    pair("config", OTHER, WRITE.format("config['k']"),
         head=("config['k'] = 1", "config['k'] = 2")),
    pair("config that is not read", SAME, WRITE.format("config['k']"),
         head=("config['k'] = 1", "config['k'] = 1\nconfig['l'] = 2")),
    pair("config as a whole", OTHER, WRITE.format("dict(config)"),
         head=("config['k'] = 1", "config['k'] = 1\nconfig['l'] = 2")),
    pair("config with a default", OTHER, WRITE.format("config.get('k', 1)"),
         head=("", "config['k'] = 2")),
    pair("config in a command", OTHER, "shell('echo {config[k]} > {output}')",
         head=("config['k'] = 1", "config['k'] = 2")),
    pair("global in a command", OTHER, "shell('echo {K} > {output}')", head=("K = 1", "K = 2")),
    pair("global in a command of a helper", OTHER, "f(output)",
         head=("def f(out): shell('echo {K} > {out}')\nK = 1",
               "def f(out): shell('echo {K} > {out}')\nK = 2")),
    pair("global in a command that is a global", OTHER, "shell(C)",
         head=("C = 'echo {K} > {output}'\nK = 1", "C = 'echo {K} > {output}'\nK = 2")),
    pair("global in a command by another name", OTHER, "sh(C)",
         head=(SHELL + "K = 1", SHELL + "K = 2")),
    pair("config in a command that is computed", OTHER,
         "c = 'echo {conf' + 'ig[k]} > {output}'\nc = c.strip()\nshell(c)",
         head=("config['k'] = 1", "config['k'] = 2")),
    pair("source of a local module", OTHER, WRITE.format("helpers.f()"), head=MODULE,
         files=({"helpers.py": "def f(): return 1"}, {"helpers.py": "def f(): return 2"})),
    pair("function of a local module", OTHER, WRITE.format("f()"),
         head="from helpers import f\n",
         files=({"helpers.py": "def f(): return g()\ndef g(): return 1"},
                {"helpers.py": "def f(): return g()\ndef g(): return 2"})),
    pair("module of a local module", OTHER, WRITE.format("helpers.f()"), head=MODULE,
         files=({"helpers.py": "from more import f", "more.py": "def f(): return 1"},
                {"helpers.py": "from more import f", "more.py": "def f(): return 2"})),
    pair("local module that is imported in the block", OTHER,
         "import helpers\n" + WRITE.format("helpers.f()"),
         files=({"helpers.py": "def f(): return 1"}, {"helpers.py": "def f(): return 2"})),
    pair("value put into a local module", OTHER, WRITE.format("helpers.f()"),
         head=(MODULE + "helpers.K = 1", MODULE + "helpers.K = 2"),
         files=({"helpers.py": "K = 0\ndef f(): return K"},) * 2),
    pair("file that a local module names", OTHER, WRITE.format("helpers.f()"), head=MODULE,
         files=({"helpers.py": READS, "table.tsv": "1"}, {"helpers.py": READS, "table.tsv": "2"})),
    pair("class attribute put into a local module", OTHER, WRITE.format("helpers.f()"),
         head=(MODULE + "helpers.C.k = 1", MODULE + "helpers.C.k = 2"),
         files=({"helpers.py": "class C:\n    k = 0\ndef f(): return C.k"},) * 2),
    pair("method put into a local module", OTHER, WRITE.format("helpers.C().f()"),
         head=(MODULE + "helpers.C.f = lambda self: 1", MODULE + "helpers.C.f = lambda self: 2"),
         files=({"helpers.py": "class C:\n    def f(self): return 0"},) * 2),
    pair("attribute of a function of a local module", OTHER, WRITE.format("helpers.f.k"),
         head=(MODULE + "helpers.f.k = 1", MODULE + "helpers.f.k = 2"),
         files=({"helpers.py": "def f(): return 0"},) * 2),
    pair("function put into a local module", OTHER, WRITE.format("helpers.f()"),
         head=(MODULE + "helpers.f = lambda: 1", MODULE + "helpers.f = lambda: 2"),
         files=({"helpers.py": "def f(): return 0"},) * 2),
    pair("function registered in a local module", OTHER, WRITE.format("helpers.R['f']()"),
         head=(MODULE + "@helpers.register\ndef f(): return 1",
               MODULE + "@helpers.register\ndef f(): return 2"),
         files=({"helpers.py": "R = {}\ndef register(f):\n    R[f.__name__] = f"},) * 2),
    pair("object of a local module that is changed", OTHER, WRITE.format("helpers.f()"),
         head=(MODULE + "helpers.c.k = 1", MODULE + "helpers.c.k = 2"),
         files=({"helpers.py": "class C: pass\nc = C()\ndef f(): return c.k"},) * 2),
    pair("value put into a module of a package", OTHER, WRITE.format("package.part.K"),
         head=("import package.part\npackage.part.K = 1",
               "import package.part\npackage.part.K = 2"),
         files=({"package/__init__.py": "", "package/part.py": "K = 0"},) * 2),
    pair("value put into a module of a local module", OTHER, WRITE.format("helpers.f()"),
         head=(MODULE + "import more\nmore.K = 1", MODULE + "import more\nmore.K = 2"),
         files=({"helpers.py": "import more\ndef f(): return more.K", "more.py": "K = 0"},) * 2),
    pair("value put into a module that is imported in the block", OTHER,
         MODULE + WRITE.format("helpers.K"),
         head=(MODULE + "helpers.K = 1", MODULE + "helpers.K = 2"),
         files=({"helpers.py": "K = 0"},) * 2),
    pair("what a local module holds that nobody can describe", SAME,
         WRITE.format("helpers.f()"), head=MODULE, files=({"helpers.py": OPAQUE},) * 2),
    pair("class that a local function makes", OTHER, WRITE.format("C.k"),
         head=(MODULE + "C = helpers.make(1)", MODULE + "C = helpers.make(2)"),
         files=({"helpers.py": "def make(n):\n    class C:\n        k = n\n    return C"},) * 2),
    pair("another local module", SAME, WRITE.format("helpers.f()"), head=MODULE,
         files=({"helpers.py": "def f(): return 1", "unread.py": "1"},
                {"helpers.py": "def f(): return 1", "unread.py": "2"})),
    pair("file that is named", OTHER, WRITE.format("open('table.tsv').read()"),
         files=({"table.tsv": "1"}, {"table.tsv": "2"})),
    pair("file that a global names", OTHER, WRITE.format("open(TABLE).read()"),
         head="TABLE = 'table.tsv'", files=({"table.tsv": "1"}, {"table.tsv": "2"})),
    pair("file of an absolute path", OTHER, WRITE.format("open(TABLE).read()"),
         head="import os\nTABLE = os.path.abspath('table.tsv')",
         files=({"table.tsv": "1"}, {"table.tsv": "2"})),
    pair("same file of an absolute path", SAME, WRITE.format("open(TABLE).read()"),
         head="import os\nTABLE = os.path.abspath('table.tsv')",
         files=({"table.tsv": "1"}, {"table.tsv": "1"})),
    pair("file by an f-string", OTHER, "i = 1\n" + WRITE.format("open(f't{i + 1}.tsv').read()"),
         files=({"t2.tsv": "1"}, {"t2.tsv": "2"})),
    pair("file by a sum", OTHER, "i = 2\n" + WRITE.format("open('t' + str(i) + '.tsv').read()"),
         files=({"t2.tsv": "1"}, {"t2.tsv": "2"})),
    pair("file by a format", OTHER, "i = 2\n" + WRITE.format("open('t%d.tsv' % i).read()"),
         files=({"t2.tsv": "1"}, {"t2.tsv": "2"})),
    pair("file that a shell script names", OTHER, "shell('bash tool.sh > {output}')",
         files=({"tool.sh": "cat table.tsv", "table.tsv": "1"},
                {"tool.sh": "cat table.tsv", "table.tsv": "2"})),
    pair("module that is run", OTHER, "shell('python -m tool > {output}')",
         files=({"tool.py": "1"}, {"tool.py": "2"})),
    pair("output that is there", SAME, "open('one.out', 'w').write('1')",
         files=({}, {"one.out": "1"})),
    pair("Python script that is run", OTHER, "shell('python tool.py > {output}')",
         files=({"tool.py": "import more", "more.py": "1"},
                {"tool.py": "import more", "more.py": "2"})),
    pair("directory of the workflow", SAME, WRITE.format("K"),
         head="import os\nK = os.path.join(workflow.basedir, 'x')"),
    pair("a dot", SAME, WRITE.format("'a.b'.split('.')")),
    pair("seed", UNKNOWN, WRITE.format("random.random()"),
         head="import random\nrandom.seed(config.get('k', 1))",
         message="changes a package by `random.seed("),
    pair("option of a package", UNKNOWN, "import numpy\n" + WRITE.format("numpy.arange(3)"),
         head="import numpy\nnumpy.set_printoptions(precision=3)",
         message="changes a package by `numpy.set_printoptions("),
    pair("builtins", UNKNOWN, WRITE.format("__builtins__['eval']('K')"), message="__builtins__"),
    pair("annotations", UNKNOWN, WRITE.format("f.__annotations__"), head="def f(x: 1): pass",
         message="uses __annotations__"),
    pair("variables that are looked through", UNKNOWN,
         "import os\n" + WRITE.format("[v for k, v in os.environ.items()]"),
         message="environment variables"),
    pair("listed directory", UNKNOWN, "import os\n" + WRITE.format("os.listdir()"),
         message="into which the workflow writes"),
    pair("eval", UNKNOWN, WRITE.format("eval('1')"), message="calls eval"),
    pair("globals()", UNKNOWN, WRITE.format("globals()['K']"), message="calls globals"),
    pair("computed module", UNKNOWN,
         "import importlib\n" + WRITE.format("importlib.import_module(wildcards.x)"),
         message="import_module"),
    pair("workflow object", UNKNOWN, WRITE.format("workflow.basedir"), message="reads workflow"),
    pair("computed variable", UNKNOWN, "import os\n" + WRITE.format("os.environ[wildcards.x]"),
         message="environment variables"),
    pair("object of a package", UNKNOWN, WRITE.format("K"), head="import click\nK = click.Path()",
         message="reads K, which is a click.types.Path"),
]  # fmt: skip


def write(directory, text, files):
    directory.mkdir()
    (directory / "Snakefile").write_text(text)
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    return directory


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.id)
def test_what_changes_the_key(tmp_path, case):
    before = write(tmp_path / "a", snakefile(case.head[0], case.before), case.files[0])
    key = describing.in_a_fork(before)["one.out"]
    if case.expected == UNKNOWN:
        assert key.startswith("unknown:") and case.message in key, key
        return
    after = write(tmp_path / "b", snakefile(case.head[1], case.after), case.files[1])
    other = describing.in_a_fork(after)["one.out"]
    assert not key.startswith("unknown") and not other.startswith("unknown"), (key, other)
    assert (key == other) == (case.expected == SAME)


@pytest.mark.parametrize(
    ("body", "differ"),
    [
        ("open(output[0], 'w').write('x')", False),
        ("open(output[0], 'w').write(wildcards.x)", True),
        ("shell('echo {wildcards.x} > {output}')", True),
        ("open(output[0], 'w').write(str(locals()))", True),
        ("def f():\n    return wildcards\nopen(output[0], 'w').write(str(f()))", True),
        ("open(output[0], 'w').write(str(threads) + str(log) + str(resources.mem_mb))", False),
    ],
)
def test_wildcards_count_when_they_are_read(tmp_path, body, differ):
    text = snakefile("", body).replace('input: "one.out"', 'input: "one.out", "two.out"')
    text = text.replace('x="one"', 'x="one|two"')
    found = describing.in_a_fork(write(tmp_path / "a", text, {}))
    assert not any(key.startswith("unknown") for key in found.values()), found
    assert (found["one.out"] != found["two.out"]) == differ


@pytest.mark.parametrize(
    ("body", "resource", "expected"),
    [
        ("open(output[0], 'w').write(str(resources.batches))", "batches", OTHER),
        ("open(output[0], 'w').write(str(resources.mem_mb))", "mem_mb", SAME),
        ("open(output[0], 'w').write('x')", "batches", SAME),
        ("open(output[0], 'w').write('x')", "shell_exec", OTHER),
    ],
)
def test_resources_count_when_the_user_invented_them(tmp_path, body, resource, expected):
    keys = []
    for number, value in enumerate(("dash", "bash") if resource == "shell_exec" else (100, 200)):
        text = snakefile("", body).replace(
            "    run:", f"    resources: {resource}={value!r}\n    run:"
        )
        keys.append(describing.in_a_fork(write(tmp_path / str(number), text, {}))["one.out"])
    assert (keys[0] == keys[1]) == (expected == SAME), keys


INPUT = 'rule made:\n    input: "d/in.txt"\n'


@pytest.mark.parametrize(
    ("read", "name"),
    [
        ("shell('cat {input}.idx > {output}')", "d/in.txt.idx"),
        ("input[0] + '.idx'", "d/in.txt.idx"),
        ("f'{input[0]}.idx'", "d/in.txt.idx"),
        ("input[0].replace('.txt', '.idx')", "d/in.idx"),
        ("Path(input[0]).with_suffix('.idx')", "d/in.idx"),
        ("Path(input[0]).parent / 'side.tsv'", "d/side.tsv"),
        ("os.path.dirname(input[0]) + '/side.tsv'", "d/side.tsv"),
        ("next(Path(input[0]).parent.glob('*.tsv'))", "d/side.tsv"),
        ("next(Path(input[0]).parent.iterdir())", "d/side.tsv"),
    ],
)
def test_files_by_the_name_of_an_input(tmp_path, read, name):
    keys = []
    text = snakefile("import os\nfrom pathlib import Path", WRITE.format(f"open({read}).read()"))
    for content in ("1", "2", "2"):
        files = {"d/in.txt": "", name: content}
        directory = write(tmp_path / str(len(keys)), text.replace("rule made:\n", INPUT), files)
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert keys[0] != keys[1] == keys[2] and keys[0].startswith("run "), keys


def test_a_block_finds_modules_in_the_working_directory(tmp_path, monkeypatch):
    """Snakemake starts a process for it there, though its own search path may lack it."""
    text = snakefile("", MODULE + WRITE.format("helpers.K"))
    directory = write(tmp_path / "a", "", {"workflow/Snakefile": text})
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", os.getcwd())])
    keys = []
    for value in ("1", "2"):
        (directory / "helpers.py").write_text(f"K = {value}")
        keys.append(describing.in_a_fork(directory, "workflow/Snakefile")["one.out"])
    assert keys[0].startswith("run ") and keys[0] != keys[1]


def test_what_the_workflow_makes_beside_an_input_does_not_count(tmp_path):
    keys = []
    text = snakefile("", "x = input[0].replace('.txt', '.idx')\n" + WRITE.format("x"))
    text = text.replace("rule made:\n", INPUT)
    text += "rule other:\n    output: 'd/{y}.idx'\n    shell: 'touch {output}'\n"
    for files in ({}, {"d/in.idx": ""}):
        directory = write(tmp_path / str(len(keys)), text, {"d/in.txt": ""} | files)
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert keys[0] == keys[1] and keys[0].startswith("run "), keys


def test_each_module_of_a_workflow_has_its_own_config(tmp_path):
    keys = []
    for number in (1, 2):
        text = f"""
            module part:
                snakefile: "part.smk"
                config: {{"k": {number}}}
            use rule * from part
            config["k"] = 7
            """
        part = snakefile("", "open(output[0], 'w').write(str(config['k']))")
        directory = write(tmp_path / str(number), textwrap.dedent(text), {"part.smk": part})
        keys.append(describing.in_a_fork(directory)["one.out"])
    assert keys[0] != keys[1]


def test_the_key_is_the_same_in_every_process(tmp_path):
    head = """
        import collections, dataclasses, enum
        NAMES = {"a", "b", "c", "d", "e"}
        FROZEN = frozenset(NAMES)
        class C:
            kinds = {"x", "y", "z"}
            def f(self): return self.kinds
        @dataclasses.dataclass
        class D:
            n: int = 1
        def f(x, y={"p", "q"}):
            def g(): return x in {"k", "l", "m", "n"} and C().f()
            return g()
        """
    body = """
        rows = [name for name in NAMES if name in {"a", "z", "y", "x"}]
        open(output[0], "w").write(str((rows, f(1), FROZEN, D(), config)))
        """
    directory = write(tmp_path / "a", snakefile(head, body), {})
    found = []
    for seed in ("1", "2", "3"):
        process = subprocess.run(
            [sys.executable, describing.__file__, str(directory)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found.append(json.loads(process.stdout)["one.out"])
    assert len(set(found)) == 1 and found[0].startswith("run "), found


def test_tables_count_by_their_content(tmp_path):
    pytest.importorskip("pandas")
    heads = [
        "import pandas as pd\nT = pd.DataFrame({'a': [1, 2]})",
        "import pandas as pd\nT = pd.DataFrame({'a': [1, 3]})",
        "import pandas as pd\nT = pd.DataFrame({'a': [1.0, 2.0]})",
        "import pandas as pd\nT = pd.DataFrame({'a': [1, 2]}, index=['x', 'y'])",
        "import pandas as pd\nT = pd.DataFrame({'a': [1, 2]})",
    ]
    keys = []
    for number, head in enumerate(heads):
        text = snakefile(head, WRITE.format("T.a.sum()"))
        keys.append(describing.in_a_fork(write(tmp_path / str(number), text, {}))["one.out"])
    assert keys[0] == keys[4] and len(set(keys)) == 4 and keys[0].startswith("run "), keys
