"""What Python source names literally."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_python
from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    EVERYTHING,
    Handed,
    Import,
)

WHOLE = frozenset({()})


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("snakemake.config['a']['b']", {("a", "b")}),
        ("snakemake.config.get('a', 1)", {("a",)}),
        ("snakemake.config.get('a', snakemake.config['z'])['q']", {("a", "q"), ("z",)}),
        ("c = snakemake.config\nprint(c['x'])", {("x",)}),
        ("c = snakemake.config\np = c['x']\nf(p['y'])", {("x", "y")}),
        ("c = snakemake.config\nc = {}\nc['x']", {()}),
        ("a = b = snakemake.config\na['x']; b['y']", {("x",), ("y",)}),
        ("for k, v in snakemake.config['a'].items(): pass", {("a",)}),
        ("snakemake.config['a'].split(',')", {("a",)}),
        ("'a' in snakemake.config", {("a",)}),
        ("snakemake.config[k]", {()}),
        ("snakemake.config['a'][k]", {("a",)}),
        ("snakemake.config['l'][0]", {("l", 0)}),
        ("yaml.dump(snakemake.config)", {()}),
        ("getattr(snakemake, 'config')['u']", {("u",)}),
        ("shell('x {snakemake.config[k][l]} {snakemake.params.p}')", {("k", "l")}),
        ("f\"{snakemake.config['k']}\"", {("k",)}),
        ("snakemake.config['a'] = 1", set()),
        ("def main(snakemake):\n    snakemake.config['x']\nmain(snakemake)", {("x",)}),
        ("def main(s):\n    s.config['x']\nmain(snakemake)", {("x",)}),
        ("def main(s):\n    print(s)\nmain(snakemake)", {()}),
        ("def main(a, c):\n    c['x']\nmain(snakemake.input, snakemake.config)", {("x",)}),
        ("def main(*, c):\n    c['x']\nmain(c=snakemake.config)", {("x",)}),
        ("def main(*c):\n    c['x']\nmain(snakemake.config)", {()}),
        ("def main(c):\n    c = dict(c)\n    c['x']\nmain(snakemake.config)", {("x",)}),
        ("def main(c):\n    c = dict(c, y=1)\n    c['x']\nmain(snakemake.config)", {()}),
        ("def main(c):\n    c = c or {}\n    c['x']\nmain(snakemake.config)", {()}),
        ("def main(s=snakemake): s.config['a']\nmain()", {()}),
        ("def main(snakemake=snakemake): snakemake.config['a']\nmain()", {()}),
        ("def main(c): c['a']; return c\nmain(snakemake.config)", {("a",)}),
        ("def main(c): c['a']; return c\nx = main(snakemake.config)", {()}),
        ("def main(c):\n  def f(): return c\n  f()\nmain(snakemake.config)", {()}),
        ("from copy import deepcopy\nc = deepcopy(snakemake.config['a'])\nc['b']", {("a", "b")}),
        ("snakemake.config.update(x)\nsnakemake.config['a']", {("a",)}),
        ("x = snakemake.config.update(snakemake.config['a'])", {()}),
        ("snakemake.config.setdefault('a', 3)", {("a",)}),
        ("try:\n    snakemake\nexcept NameError:\n    pass", set()),
        ("vars(args); dir(x)", set()),
        ("'{x}'.format(**locals())", {()}),
        ("x = snakemake\nx.config['y']", {("y",)}),
        (
            "snakemake.params.x; snakemake.input[0]; snakemake.threads; snakemake.log_fmt_shell()",
            set(),
        ),
        (
            "config['a']; open(f, 'w'); d = {'R': 1}; table['date']; s.split('.'); t.eval('a')",
            set(),
        ),
        ("if 'snakemake' in globals(): snakemake.config['x']", {("x",)}),
        ("if 'snakemake' in locals(): pass", set()),
        ("globals()['snakemake']", {()}),
        ("exec(code)", {()}),
        ("self.s = snakemake", {()}),
        ("[snakemake]", {()}),
        ("obj.run(snakemake)", {()}),
        ("vars(snakemake)", {()}),
        ("snakemake.__dict__", {()}),
        ("lambda s=snakemake: s", {()}),
        ("print 1", {()}),
    ],
)
def test_keys_of_the_config(source, config):
    assert read_python(source).of("config") == config


@pytest.mark.parametrize(
    ("source", "wildcards"),
    [
        ("snakemake.wildcards.s; snakemake.wildcards['t']", {("s",), ("t",)}),
        ("snakemake.wildcards.get('s')", {("s",)}),
        ("snakemake.wildcards.s.split('-')", {("s",)}),
        ("w = snakemake.wildcards\nw.s", {("s",)}),
        ("f'{snakemake.wildcards.s}'", {("s",)}),
        ("shell('{snakemake.wildcards.s}')", {("s",)}),
        ("dict(snakemake.wildcards)", {()}),
        ("snakemake.wildcards.items()", {()}),
        ("snakemake.wildcards[0]", {(0,)}),
        ("snakemake.wildcards[k]", {()}),
        ("snakemake.config['s']", set()),
    ],
)
def test_wildcards(source, wildcards):
    assert {way[:1] for way in read_python(source).of("wildcards")} == wildcards


def test_other_attributes():
    assert read_python("snakemake.rule").of("rule")
    assert not read_python("snakemake.params.rule").of("rule")
    found = read_python("snakemake.resources.mine; snakemake.resources['o']")
    assert found.of("resources") == {("mine",), ("o",)}
    assert read_python("\0") == EVERYTHING


@pytest.mark.parametrize(
    ("source", "function", "keyword", "way"),
    [
        ("from utils.java import get as g\ng(snakemake)", "utils.java.get", "", ()),
        ("import utils as u\nu.a.get(x, y=snakemake)", "utils.a.get", "y", ()),
        ("import a.b\na.b.get(snakemake.config)", "a.b.get", "", ("config",)),
        ("from . import helpers\nhelpers.go(snakemake)", ".helpers.go", "", ()),
        ("from .. import go\ngo(s=snakemake.config['a'])", "..go", "s", ("config", "a")),
    ],
)
def test_what_is_handed_to_an_imported_function(source, function, keyword, way):
    found = read_python(source)
    assert found.handed == {Handed(function, -1 if keyword else 0, keyword, way, is_kept=False)}
    assert found.ways == set()


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("def f(config): config['a']\ndef g(config): config['b']\nf(snakemake.config)", {("a",)}),
        ("def f(c, n): c['a']\nconfig = snakemake.config\nf(n=1, c=config)", {("a",)}),
        ("def f(x): config['a']\nconfig = snakemake.config\nf(1)", {("a",)}),
        ("def f(x):\n  def g(): x['a']\n  g()\nf(snakemake.config)", {("a",)}),
        ("def f(snakemake): snakemake.config['a']\nf(1)", set()),
        ("def f(s):\n  global c\n  c = s.config\nf(snakemake)\nc['a']", WHOLE),
        ("def f(*c): c['a']\nf(snakemake.config)", WHOLE),
        ("def f(c): c['a']\nf(*snakemake.config)", WHOLE),
        ("@cached\ndef f(c): c['a']\nf(snakemake.config)", WHOLE),
        ("class A:\n  c = snakemake.config\n  def f(self): self.c['a']", WHOLE),
        ("class A:\n  def f(self, c): c['a']\nf(snakemake.config)", WHOLE),
        ("from m import f\ndef f(c): c['a']\nf(snakemake.config)", WHOLE),
        ("map(len, snakemake.config)", WHOLE),
    ],
)
def test_a_part_is_followed_into_a_function_of_the_source(source, config):
    assert read_python(source).of("config") == config


def test_imports():
    source = """
import os, a.b as c
from . import d
from ..e.f import g as h, i
import importlib
importlib.import_module("j.k")
importlib.import_module(".l", __package__)
importlib.import_module(name)
def f():
    import m
"""
    assert read_python(source).imports == (
        Import("os"),
        Import("a.b"),
        Import("", ("d",), 1),
        Import("e.f", ("g", "i"), 2),
        Import("importlib"),
        Import("j.k"),
        Import("l", (), 1),
        Import("m"),
    )


def test_variables():
    source = """
import os
os.environ["A"], os.getenv("B"), os.environ.get("C", ""), environ["D"], getenv("E")
os.environ["F"] = "1"
os.environ[name]
d["G"], d.get("H")
"""
    assert read_python(source).variables == set("ABCDE")


@given(st.text(max_size=80))
def test_reading_never_fails(source):
    read_python(source)
    read_python(f"snakemake.config[{source!r}]")
