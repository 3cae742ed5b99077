"""A job that runs in a clone finds what was made with its inputs, as in a finished directory."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE

pytestmark = pytest.mark.slow

INDEXED = """
    rule all:
        input: expand("sam/{name}", name=config["names"].split("+"))

    rule index:
        input: "genome.txt"
        output: multiext("idx/genome", ".1", ".2"), directory("idx/more"), temp("idx/temp")
        shell:
            "ran index; head -1 {input} > {output[0]}; tail -1 {input} > {output[1]};"
            " mkdir -p {output[2]} idx/plots; cp {input} {output[2]}/whole; touch {output[3]}"

    rule ready:
        input: "idx/genome.1", "idx/temp"
        output: touch("idx/done")
        shell: "ran ready"

    rule still_ready:
        input: "idx/done"
        output: touch("idx/done.too")

    rule align:
        input: "idx/genome.1" if config.get("how") else "idx/done.too"
        output: "sam/{name}"
        params: prefix="idx/genome"
        shell:
            "ran {wildcards.name}; (cat {params.prefix}.*; cat idx/*/whole) > {output};"
            " cp {output} idx/plots"
    """


@pytest.mark.parametrize("how", ["", "directly"])
def test_other_files_of_an_index(project, how):
    project.write(INDEXED)
    project.made = ("idx", "sam")
    project.write("one\ntwo\n", "genome.txt")

    def run(where, names):
        return where.run(*IN_STORE, "--config", f"names={names}", f"how={how}")

    first = run(project, "a").computed
    assert first == (["a", "index"] if how else ["a", "index", "ready"])
    clone = project.clone()
    assert run(clone, "a").did_nothing
    assert not (clone.directory / "idx").exists()
    assert run(clone, "a+b").computed == ["b"]
    assert clone.read("sam/b") == project.read("sam/a") == "one\ntwo\none\ntwo\n"
    assert not (clone.directory / "idx/temp").exists()
    assert run(project, "a+b").did_nothing
    project.write("one\nthree\n", "genome.txt")
    assert run(project, "a+b").computed == sorted([*first, "b"])
    assert project.read("sam/b") == "one\nthree\none\nthree\n"
