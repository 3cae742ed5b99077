"""Scripts that hand `snakemake`, or a part of it, to functions of modules."""

from __future__ import annotations

import pytest

from snakemake_storage_plugin_seqstore.fingerprint.handed import with_handed
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReader
from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_python

WHOLE = {()}
CHAIN = {("deep",), ("part", "of_package")}
FILES = {
    "scripts/helpers.py": """
import copy
from snakemake.utils import update_config
from ._more import deeper as down
from package import function
def configure_logging(snakemake, skip=False):
    kwargs = snakemake.config.get("logging", dict()).copy()
    print(f"{snakemake.rule}.log")
def set_scenario(snakemake):
    scenario = snakemake.config["run"].get("scenarios", {})
    if scenario.get("enable") and "run" in snakemake.wildcards.keys():
        inner(config=snakemake.config)
def inner(config):
    print(config["inner"])
def adapted(config, inplace=True):
    if not inplace:
        config = copy.deepcopy(config)
    config["a"]["b"] = 3
    update_config(config, {"c": 4})
    print(config["adapted"])
    return config
def chain(snakemake):
    down(snakemake), function(snakemake.config["part"]), chain(snakemake)
class Config:
    def load(self, given):
        given.config["method"]
""",
    "scripts/_more.py": "def deeper(s): s.config['deep']",
    "scripts/package/__init__.py": "from .module import other as function",
    "scripts/package/module.py": "def other(part): part['of_package']",
    "scripts/broken.py": "def (",
    "work.py": "def f(s): s.config['work']",
    "flow/beside/helper.py": "def f(s): s.config['beside']",
}


def config_of(source, in_workdir=False):
    files = {f"/w/{path}": text.encode() for path, text in FILES.items()}
    reader = PlainReader("/w", files.get, module_path=["/w/flow"])
    return with_handed(read_python(source), reader, "/w/scripts", in_workdir)


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("from helpers import configure_logging as c\nc(snakemake)", {("logging",)}),
        ("import helpers as h\nh.inner(snakemake.config['a'])", {("a", "inner")}),
        ("import helpers\nhelpers.chain(snakemake)", CHAIN),
        ("from .helpers import inner\ninner(config=snakemake.config)", {("inner",)}),
        ("from package.module import other\nother(snakemake.config)", {("of_package",)}),
        ("from installed import f\nf(snakemake)", set()),
        ("from installed import f\nf(snakemake.config['a'])", {("a",)}),
        ("from helpers import Config\nConfig().load(snakemake)", WHOLE),
        ("from helpers import Config\nConfig.load(snakemake, snakemake)", WHOLE),
        ("from helpers import gone\ngone(snakemake)", WHOLE),
        ("from helpers import inner\ninner(snakemake.config, snakemake.config)", WHOLE),
        ("from helpers import adapted\nadapted(snakemake.config)", {("adapted",)}),
        ("from helpers import adapted\nx = adapted(snakemake.config)", WHOLE),
        ("try: from helpers import chain\nexcept E: from x import chain\nchain(snakemake)", CHAIN),
        ("from beside.helper import f\nf(snakemake)", {("beside",)}),
        ("from typing import cast\nsmk = cast(object, snakemake)", WHOLE),
        ("import functools as f\nget = f.partial(len, snakemake)", WHOLE),
        ("import copy\nsmk = copy.copy(snakemake)\nsmk.config['a']", {("a",)}),
        ("from contextlib import nullcontext\nwith nullcontext(snakemake) as smk: smk", WHOLE),
        ("from helpers import inner\ninner(**snakemake.config)", WHOLE),
        ("import helpers\nhelpers.chain.more(snakemake)", WHOLE),
        ("import broken\nbroken.f(snakemake)", WHOLE),
        ("from . import f\nf(snakemake)", WHOLE),
        ("import work\nwork.f(snakemake)", set()),
        ("import sys, work\nsys.path.append('..')\nwork.f(snakemake)", WHOLE),
        ("import helpers\nhelpers = 1\nhelpers.chain(snakemake)", WHOLE),
    ],
)
def test_keys_of_the_config_that_functions_of_modules_name(source, config):
    assert config_of(source).of("config") == config


def test_other_parts():
    found = config_of("import helpers\nhelpers.set_scenario(snakemake)")
    assert found.of("config") == {("run", "scenarios", "enable"), ("inner",)}
    assert found.of("wildcards") == {()} and not found.of("rule")
    assert config_of("import helpers\nhelpers.configure_logging(snakemake)").of("rule")


def test_a_notebook_finds_modules_in_the_working_directory():
    assert config_of("import work\nwork.f(snakemake)", in_workdir=True).of("config") == {("work",)}
