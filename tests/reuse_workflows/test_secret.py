"""Params of which only a digest is kept."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE

SNAKEFILE = """
    seqstore.reuse(workflow, secret=["token"])

    rule all:
        input: expand("out/{name}.txt", name=list("abcde"))

    rule one:
        output: "out/a.txt"
        params: token=config.get("token", "hunter2-in-clear"), k=3
        shell: "ran a; printf %s {params.token} | wc -c > {output}; echo {params.k} >> {output}"

    rule two:
        output: "out/b.txt"
        params: token=config.get("token", "hunter2-in-clear")
        run:
            shell("ran b")
            open(output[0], "w").write(str(len(params.token)))

    rule quoted:
        output: "out/c.txt"
        params: token="it's " + config.get("token", "hunter2-in-clear")
        shell: "ran c; printf %s {params.token:q} | wc -c > {output}"

    rule of_a_list:
        output: "out/d.txt"
        params: token=[config.get("token", "hunter2-in-clear"), "x"]
        shell: "ran d; printf %s {params.token[0]} | wc -c > {output}"

    rule of_a_dict:
        output: "out/e.txt"
        params: token=lambda wildcards: dict(password=config.get("token", "hunter2-in-clear"))
        shell: "ran e; printf %s {params.token[password]} | wc -c > {output}"
"""


def test_a_secret_param_counts_and_is_nowhere_in_the_store(project):
    project.write(SNAKEFILE)
    assert project.run(*IN_STORE).computed == list("abcde")
    for path in project.store.root.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
    assert project.clone().run(*IN_STORE).did_nothing
    changed = project.run(*IN_STORE, "--config", "token=other-in-clear")
    assert changed.computed == list("abcde")
    assert "hunter2" not in changed.printed.partition("Building DAG")[2].partition("Select")[0]


def test_names_are_a_list(project):
    project.write("seqstore.reuse(workflow, secret='token')\n")
    assert "a list of names" in project.run(fails=True).printed


@pytest.fixture(autouse=True)
def made(project):
    project.made = ("out",)
