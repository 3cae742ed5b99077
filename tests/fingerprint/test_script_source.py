"""What scripts of other languages, and notebooks, name literally."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint.script_source import (
    counted_source,
    language_of,
    notebook_source,
    read_script,
)
from snakemake_storage_plugin_seqstore.fingerprint.source_names import EVERYTHING


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ('snakemake@config[["a"]][["b"]]', {("a", "b")}),
        ("snakemake@config$a$b", {("a", "b")}),
        ("snakemake@config[['a']][[1]]", {("a",)}),
        ("snakemake@config[[k]]", {()}),
        ("cfg <- snakemake@config", {()}),
        ("# snakemake@config[['a']]\nx <- '# no comment'; snakemake@config[['b']]", {("b",)}),
        ("f(snakemake)", {()}),
        ("x <- 'snakemake is used'; message(\"a snakemake script\")", set()),
        ("glue('{snakemake@config[[\"a\"]]}')", {("a",)}),
        ("if (exists('snakemake')) snakemake@config$a", {("a",)}),
        ("model <- y ~ a + b; read.csv(snakemake@input[[1]], sep = '.')", set()),
        ("log <- file(snakemake@log[[1]], open = 'wt')", set()),
    ],
)
def test_r_config(source, config):
    assert read_script(source, "R").of("config") == config


def test_r():
    source = """
source("lib/a.R"); source(file = 'b.R'); source(path)
w <- snakemake@wildcards[["s"]]; v <- snakemake@wildcards$t
Sys.getenv("HOME_LIB"); snakemake@rule; snakemake@resources[["mine"]]
"""
    found = read_script(source, "R")
    assert found.sourced == ("lib/a.R", "b.R")
    assert found.of("wildcards") == {("s",), ("t",)}
    assert found.variables == {"HOME_LIB"}
    assert found.of("resources") == {("mine",)}
    assert found.of("rule")
    assert read_script("names(snakemake@wildcards)", "R").of("wildcards") == {()}


def test_r_markdown():
    source = """---
title: It's snakemake's report
---
The `r snakemake@wildcards[["s"]]` sample isn't snakemake's.

```{r setup, echo=FALSE}
x <- snakemake@config[["a"]]
```
"""
    text, found = counted_source(source, "report.Rmd")
    assert text == source
    assert found.of("config") == {("a",)}
    assert found.of("wildcards") == {("s",)}
    assert counted_source(source.replace("{r setup", "{perl"), "r.Rmd")[1].of("config") == {()}


def test_bash():
    source = """
source lib.sh
echo ${snakemake_config[a]} "${snakemake_wildcards[s]}" ${snakemake_params[p]} $OTHER
echo ${snakemake[rule]} ${snakemake[threads]}
"""
    found = read_script(source, "bash")
    assert found.of("config") == {("a",)}
    assert found.of("wildcards") == {("s",)}
    assert found.variables >= {"OTHER"}
    assert found.sourced == ("lib.sh",)
    assert found.of("rule")
    assert read_script("echo ${snakemake_config[@]}", "bash").of("config") == {()}
    assert read_script("echo ${snakemake_wildcards[$x]}", "bash").of("wildcards") == {()}


def test_julia():
    source = """
include("a.jl"); x = snakemake.config["a"]["b"] # snakemake.config
ENV["E"]; get(ENV, "F", ""); snakemake.wildcards["s"]; snakemake.params["p"]
"""
    found = read_script(source, "julia")
    assert found.of("config") == {("a", "b")}
    assert found.of("wildcards") == {("s",)}
    assert found.variables == {"E", "F"}
    assert found.sourced == ("a.jl",)


def test_of_other_languages_the_parts_count_that_are_named():
    assert language_of("x.rs") == "rust"
    assert language_of("x.unknown") == ""
    for name in ("x.rs", "x.unknown"):
        nothing = counted_source('println!("{}", snakemake.output[0]);', name)[1]
        assert nothing.ways == set()
        for text in ('snakemake.config["a"]', "snakemake->config", 'snakemake["config"].a'):
            found = counted_source(f"let x = {text};", name)[1]
            assert found.ways == {("config",)}
        found = counted_source('a(snakemake); getenv("B")', name)[1]
        assert (found.ways, found.variables) == (EVERYTHING.ways, {"B"})
    assert [language_of(f"a/x{suffix}") for suffix in (".py", ".R", ".sh")] == [
        "python",
        "R",
        "bash",
    ]


def _notebook(*sources, count=1, language="python", outputs=()):
    cells = [
        {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "execution_count": count,
            "outputs": [*outputs],
            "metadata": {},
        }
        for source in sources
    ]
    cells.append({"cell_type": "markdown", "source": ["text"]})
    job = {"tags": ["snakemake-job-properties"]}
    cells.append({"cell_type": "code", "source": ["injected"], "metadata": job})
    return json.dumps({"cells": cells, "metadata": {"language_info": {"name": language}}})


def test_a_notebook_counts_by_its_cells():
    one = counted_source(_notebook("import a", "snakemake.config['k']"), "x.ipynb")
    again = _notebook("import a", "snakemake.config['k']", count=7, outputs=["x"])
    assert one == counted_source(again, "x.ipynb")
    assert one[1].of("config") == {("k",)}
    assert one[0] != counted_source(_notebook("import b", "snakemake.config['k']"), "x.ipynb")[0]
    other = json.loads(again)
    other["metadata"]["kernelspec"] = {"name": "another"}
    assert one[0] != counted_source(json.dumps(other), "x.ipynb")[0]
    assert notebook_source(again) == ("python", "", "import a\n\nsnakemake.config['k']")


def test_a_notebook_with_commands_of_ipython():
    source = _notebook(
        "%matplotlib inline\n!ls\nx = !date\nif a:\n    %time f()\nsnakemake.wildcards.s"
    )
    assert counted_source(source, "x.ipynb")[1].of("wildcards") == {("s",)}


def test_a_notebook_in_r_and_one_that_is_none():
    found = counted_source(_notebook("snakemake@config[['a']]", language="R"), "x.ipynb")[1]
    assert found.of("config") == {("a",)}
    for text in ("", "{}", "[]", '{"cells": [{"cell_type": "code", "source": 3}]}'):
        assert counted_source(text, "x.ipynb")[1] == EVERYTHING


@given(st.text(max_size=60), st.sampled_from(["R", "julia", "bash", "python", "x"]))
def test_reading_never_fails(source, language):
    read_script(source, language)
    read_script(f"snakemake@config[['{source}", language)
    notebook_source(source)
