"""What a `run:` block reads: its code, its globals, and nothing else."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys

import pytest

from snakemake_storage_plugin_seqstore.fingerprint.run_block import read_run_block
from snakemake_storage_plugin_seqstore.fingerprint.source_names import EVERYTHING
from snakemake_storage_plugin_seqstore.fingerprint.symbols import Symbol
from snakemake_storage_plugin_seqstore.unknown import Unknown

_HEAD = (
    "def __rule_{name}(input, output, params, wildcards, threads, resources, log, rule, "
    "jobid, basedir, __is_snakemake_rule_func=True):"
)


def block(body, before="", name="a", vanilla=(), has_source=True, places=(), **values):
    """Read a block of a Snakefile with some code before it, as Snakemake's parser gives it."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"{before}\n{_HEAD.format(name=name)}\n{lines}\n"
    namespace = {"config": {}, **values}
    exec(compile(source, "Snakefile", "exec"), namespace)
    return read_run_block(
        namespace[f"__rule_{name}"],
        namespace,
        {"Snakefile": source}.get if has_source else lambda path: None,
        places,
        {key: namespace[key] for key in vanilla},
    )


def parts(*args, **options):
    return block(*args, **options).parts


WITH_AND_WITHOUT = pytest.mark.parametrize("has_source", [True, False])

# Two blocks that do the same.
SAME = [
    (("x = 1",), ("x = 1  # a comment",)),
    (("x = 1",), ("\n\nx = 1",)),
    (("x = K", "K = 2"), ("x = K", "# text\n\nOTHER = 5\nK = 2")),
    (
        ("x = f(1)", "def f(a):\n    return a"),
        ("x = f(1)", "def g(): pass\ndef f(a):\n    return a"),
    ),
    (
        ("f(); g()", "def f(): return 1\ndef g(): return 2"),
        ("f(); g()", "def g(): return 2\ndef f(): return 1"),
    ),
    (("x = S", "S = {'a', 'b', 'c'}"), ("x = S", "S = {'c', 'b', 'a'}")),
    (
        ("C().f()", "class C:\n    def f(self): return 1"),
        ("C().f()", "\n\nclass C:\n    def f(self): return 1"),
    ),
]
_DATA = """
import dataclasses
@dataclasses.dataclass
class D:
    k: int = 0
    def f(self): return {}
d = D()
"""
_ENUM = """
import enum
class E(enum.Enum):
    A = 1
    def f(self): return {}
e = E.A
"""
_TUPLE = """
import typing
class T(typing.NamedTuple):
    k: int
    def f(self): return {}
t = T(1)
"""
# Two that do not.
DIFFERENT = [
    (("x = 1",), ("x = 2",)),
    (("x = 1",), ("x = 1.0",)),
    (("x = 1\ny = 2",), ("y = 2\nx = 1",)),
    (("x = K", "K = 2"), ("x = K", "K = True")),
    (("x = f(1)", "def f(a):\n    return a"), ("x = f(1)", "def f(a):\n    return -a")),
    (("x = f(1)", "def f(a, b=1):\n    return a"), ("x = f(1)", "def f(a, b=2):\n    return a")),
    (("f()", "K = 1\ndef f(): return K"), ("f()", "K = 2\ndef f(): return K")),
    (
        ("f()", "K = 1\ndef g(): return K\nf = lambda: g()"),
        ("f()", "K = 2\ndef g(): return K\nf = lambda: g()"),
    ),
    (("f()", "f = lambda: 1"), ("f()", "f = lambda: 2")),
    (
        ("f()", "def outer(k):\n    return lambda: k\nf = outer(1)"),
        ("f()", "def outer(k):\n    return lambda: k\nf = outer(2)"),
    ),
    (
        ("C().f()", "class C:\n    def f(self): return 1"),
        ("C().f()", "class C:\n    def f(self): return 2"),
    ),
    (("C().k", "class C:\n    k = 1"), ("C().k", "class C:\n    k = 2")),
    (("d.f()", _DATA.format(1)), ("d.f()", _DATA.format(2))),
    (("e.f()", _ENUM.format(1)), ("e.f()", _ENUM.format(2))),
    (("t.f()", _TUPLE.format(1)), ("t.f()", _TUPLE.format(2))),
    (("x = d", "class D(dict): pass\nd = D(a=1)"), ("x = d", "class D(dict): pass\nd = D(a=2)")),
    (("x = d", "class D(list): pass\nd = D([1])"), ("x = d", "class D(list): pass\nd = D([2])")),
    (("c.k", "class C: pass\nc = C(); c.k = 1"), ("c.k", "class C: pass\nc = C(); c.k = 2")),
    (
        ("f(1)", "import functools\nf = functools.partial(pow, 2)"),
        ("f(1)", "import functools\nf = functools.partial(pow, 3)"),
    ),
    (
        ("f(1)", "from functools import lru_cache\n@lru_cache\ndef f(a): return a"),
        ("f(1)", "from functools import lru_cache\n@lru_cache\ndef f(a): return -a"),
    ),
    (("[K for i in x]", "K = 1\nx = []"), ("[K for i in x]", "K = 2\nx = []")),
    (("def g():\n    return K\ng()", "K = 1"), ("def g():\n    return K\ng()", "K = 2")),
    (("shell('echo {K}')", "K = 1\nshell = print"), ("shell('echo {K}')", "K = 2\nshell = print")),
]


@WITH_AND_WITHOUT
@pytest.mark.parametrize(("one", "other"), SAME)
def test_blocks_that_do_the_same(one, other, has_source):
    assert parts(*one, has_source=has_source) == parts(*other, has_source=has_source)


@WITH_AND_WITHOUT
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_blocks_that_do_not(one, other, has_source):
    assert parts(*one, has_source=has_source) != parts(*other, has_source=has_source)


@WITH_AND_WITHOUT
def test_the_name_of_a_rule_does_not_count(has_source):
    assert parts("x = K", "K = 1", name="a", has_source=has_source) == parts(
        "x = K", "K = 1", name="longer_name", has_source=has_source
    )


def test_what_a_block_names_of_its_job():
    found = block(
        "config['a']['b']; wildcards.s; resources.mine; shell('{config[c]} {wildcards.t}')\n"
        "os.environ['HOME_LIB']",
        "import os",
        shell=print,
    ).names
    assert found.of("config") == {("a", "b"), ("c",)}
    assert found.of("wildcards") == {("s",), ("t",)}
    assert found.of("resources") == {("mine",)}
    assert found.variables == {"HOME_LIB"}
    assert not found.of("rule")
    assert block("print(rule)").names.of("rule")
    assert block("f(wildcards)", "def f(w): return w.s").names.of("wildcards") == {()}
    nothing = block("x = params.a; y = threads").names
    assert nothing.ways == set()


def test_what_its_functions_name_of_the_config():
    assert block("f()", "def f(): return config['k']").names.of("config") == {("k",)}
    assert block("f(config)", "def f(config): return config['k']").names.of("config") == {()}


def test_without_a_source_everything_of_the_job_counts():
    assert block("x = 1", has_source=False).names == EVERYTHING


def test_what_does_not_refuse_a_block():
    class Rules:
        __module__ = "snakemake.rules"

    found = block(
        "logger.info(json.dumps(1)); os.environ['A']; rules.a; expand('x'); package.f(); len([])",
        "import json, os",
        vanilla=["rules", "expand"],
        logger=logging.getLogger("x"),
        rules=Rules(),
        expand=lambda x: x,
        package=pytest,
    )
    assert {"rules", "expand", "config"}.isdisjoint(found.parts["globals"])
    assert {"logger", "json", "os"} <= found.parts["globals"].keys()


def test_a_global_without_a_form_is_named():
    with pytest.raises(Unknown, match=r"the global lock is a _thread\.lock"):
        block("lock.acquire()", "import threading\nlock = threading.Lock()")
    for hidden in ("io.BytesIO", "random.Random", "threading.local", "Exception"):
        before = f"import io, random, threading\nclass D({hidden}): pass\nvalue = D()"
        with pytest.raises(Unknown, match="the global value is a "):
            block("x = value", before)
    block("x = 1", "import threading\nlock = threading.Lock()")


def test_literal_commands():
    found = block(
        "shell('cat {input} > {output[0]}')\nshell(cmd)\nshell(f'x {wildcards}')", shell=print
    )
    assert found.commands == ("cat \0input\0 > \0output[0]\0",)


def test_local_modules_are_told_and_their_functions_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "fingerprint_helpers.py"

    def of(text):
        path.write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop("fingerprint_helpers", None)
        source_of = {str(path): text}.get
        namespace: dict = {}
        source = f"from fingerprint_helpers import f\n{_HEAD.format(name='a')}\n    f()\n"
        exec(compile(source, "Snakefile", "exec"), namespace)
        return read_run_block(
            namespace["__rule_a"], namespace, lambda name: source_of(name) or source
        )

    one = of("K = 1\ndef f():\n    return K\n")
    assert one.local_modules == (str(path),)
    assert one == of("K = 1\nOTHER = 2\n\ndef f():\n    return K  # comment\n")
    assert one != of("K = 2\ndef f():\n    return K\n")


def test_functions_of_packages_count_by_name():
    found = block("loads('1'); P('x')", "from json import loads\nfrom pathlib import Path as P")
    assert found.local_modules == ()
    assert "json" in found.parts["globals"]["loads"]


def test_functions_that_call_each_other():
    before = "def f(n):\n    return g(n)\ndef g(n):\n    return f(n - 1) if n else {}"
    assert parts("f(1)", before.format(1)) != parts("f(1)", before.format(2))
    closed = "def make():\n    def f(n):\n        return f(n - {})\n    return f\nf = make()"
    assert parts("f(1)", closed.format(1)) != parts("f(1)", closed.format(2))


def test_many_kinds_of_globals_have_a_form():
    before = """
import collections, dataclasses, enum, functools, typing
@dataclasses.dataclass
class D:
    a: int = 1
    def f(self): return super().__repr__()
class E(enum.Enum):
    A = 1
N = collections.namedtuple("N", "a b")
class S:
    __slots__ = ("k",)
    def __init__(self): self.k = 1
    @property
    def p(self): return self.k
    @functools.cached_property
    def q(self): return 2
    @classmethod
    def c(cls): return cls
d, e, n, s, m = D(), E.A, N(1, 2), S(), S().c
"""
    found = block("D, E, N, S, d, e, n, s, m", before).parts["globals"]
    assert len(found) == 9
    assert (
        found["s"] != block("s", before.replace("self.k = 1", "self.k = 2")).parts["globals"]["s"]
    )


def test_places_do_not_count():
    def at(place):
        return parts(
            f"open('{place}/x'); K", f"K = '{place}/y'", places=((place, Symbol("workdir")),)
        )

    assert at("/home/me/flow") == at("/scratch/2")


_STABLE = """
from tests.fingerprint.test_run_block import block
for has_source in (True, False):
    print(block("x = K | {'p', 'q', 'r'}; x in {'a', 'b', 'c'}; f()",
                "K = {'a', 'b', 'c'}\\ndef f(): return K", has_source=has_source).parts)
"""


def test_parts_are_the_same_in_every_process(pytestconfig):
    def run(seed):
        return subprocess.run(
            [sys.executable, "-c", _STABLE],
            env={"PYTHONHASHSEED": seed},
            cwd=pytestconfig.rootpath,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert run("1") == run("2") != ""


def test_only_named_keys_of_a_global_mapping_count():
    before = "T = {{'a': {{'x': 1, 'y': {}}}, 'b': {}}}"

    def of(body, *values):
        return parts(body, before.format(*values))

    assert of("T['a']['x']", 1, 1) == of("T['a']['x']", 2, 2)
    assert of("T['a']", 1, 1) == of("T['a']", 1, 2) != of("T['a']", 2, 1)
    assert of("T['a'].get('y')", 1, 1) != of("T['a'].get('y')", 2, 1)
    assert of("f(T)", 1, 1) != of("f(T)", 1, 2)
    assert of("T[k]", 1, 1) != of("T[k]", 1, 2)
    assert of("shell('{T[b]}')", 1, 1) == of("shell('{T[b]}')", 2, 1)
    both = "T['b']\nf()", "def f():\n    return T['a']['y']\n" + before
    assert parts(both[0], both[1].format(1, 1)) != parts(both[0], both[1].format(2, 1))


def test_the_values_of_the_config_are_left_to_the_caller():
    body, before = "config['a']", "config = {{'a': {}}}"
    assert parts(body, before.format(1)) == parts(body, before.format(2))


def test_the_config_in_a_command_alone():
    assert block("shell('{config[k]}')", shell=print).names.of("config") == {("k",)}


def test_of_a_long_mapping_its_short_parts_are_kept():
    whole = {"few": 1, "deep": {"k": 2, "many": [*range(300)]}, "text": "x" * 300}

    def kept(**changed):
        return block("str(T)", T=whole | changed).parts["globals"]["T"]

    before = kept()
    assert len(before) < 800
    assert all(f'["str","{name}"]' in before for name in ("few", "deep", "k", "many", "text"))
    assert kept() == before
    for changed in (
        {"few": 3},
        {"deep": {"k": 3, "many": [*range(300)]}},
        {"deep": {"k": 2, "many": [*range(301)]}},
        {"text": "x" * 301},
        {"deep": {"k": 2, "many": [*range(300)], "more": 1}},
    ):
        assert kept(**changed) != before
    huge = block("str(T)", T={number: "x" * number for number in range(500)}).parts["globals"]["T"]
    assert len(huge) < 200
