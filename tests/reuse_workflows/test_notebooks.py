"""Notebooks that Snakemake runs with papermill."""

import json
import sys
from importlib.util import find_spec

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("papermill") is None or find_spec("ipykernel") is None,
        reason="the extra `slow` is not installed; `make test-all` installs it",
    ),
]

SNAKEFILE = """
    rule all:
        input: storage.seqstore("seqstore://files/a.txt")

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        params: num=config.get("num", 3)
        notebook: "notebooks/make.py.ipynb"
    """
FIRST = "!ran a\nimport helper"
SECOND = """\
%%time
with open(snakemake.output[0], "w") as output:
    print(open(snakemake.input[0]).read(), helper.WORD, snakemake.params.num, file=output)
"""
NEW = ("--config", "num=4")


def notebook(*sources, count=None, outputs=(), cells=(), kernel="python3"):
    """A notebook as Jupyter writes it."""
    code = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {},
            "execution_count": count,
            "outputs": list(outputs),
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": kernel},
        "language_info": {"name": "python"},
    }
    content = {"cells": [*cells, *code], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1)


def edit(project, text):
    (project.directory / "notebooks/make.py.ipynb").write_text(text)


@pytest.fixture
def made(project):
    """A workflow with a notebook, and its clone."""
    project.write(SNAKEFILE)
    project.write("abc\n", "in.txt")
    project.write("WORD = 'one'\n", "notebooks/helper.py")
    edit(project, notebook(FIRST, SECOND))
    assert project.run().computed == ["a"]
    assert project.stored("a.txt") == "abc\n one 3\n"
    return project


def test_a_notebook(made):
    assert made.run().did_nothing
    clone = made.clone()
    assert clone.run().did_nothing
    assert clone.run(*NEW).computed == ["a"]
    assert clone.stored("a.txt") == "abc\n one 4\n"
    assert clone.run().did_nothing
    assert made.run(*NEW).did_nothing


def test_an_edited_cell(made):
    clone = made.clone()
    edit(clone, notebook(FIRST, SECOND.replace("helper.WORD", "helper.WORD.upper()")))
    assert clone.run().computed == ["a"]
    assert clone.stored("a.txt") == "abc\n ONE 3\n"
    edit(clone, notebook(FIRST, SECOND))
    assert clone.run().did_nothing
    assert clone.stored("a.txt") == "abc\n one 3\n"


@pytest.mark.parametrize("place", ["notebooks", "."])
def test_an_edited_module(made, place):
    """Beside the notebook, or in the working directory, where a kernel looks first."""
    made.write("WORD = 'two'\n", f"{place}/helper.py")
    assert made.run().computed == ["a"]
    assert made.stored("a.txt") == "abc\n two 3\n"
    clone = made.clone()
    assert clone.run().did_nothing
    clone.write("WORD = 'one'\n", f"{place}/helper.py")
    done = clone.run()
    assert done.computed == ([] if place == "notebooks" else ["a"])
    assert clone.stored("a.txt") == "abc\n one 3\n"


def test_what_jupyter_adds_when_a_notebook_is_saved(made):
    """Counts and outputs of cells, remarks and tags are not what a notebook does."""
    clone = made.clone()
    shown = [{"output_type": "stream", "name": "stdout", "text": ["shown\n"]}]
    remark = {"cell_type": "markdown", "id": "remark", "metadata": {}, "source": ["A remark\n"]}
    edit(clone, notebook(FIRST, SECOND, count=7, outputs=shown, cells=[remark]))
    assert clone.run().did_nothing
    edit(made, notebook(FIRST, SECOND, count=7, outputs=shown, cells=[remark]))
    assert made.run().did_nothing


def test_the_notebook_as_it_ran_is_kept_as_a_log(made):
    """It is the log `notebook`: made by a run only, and needed by nobody."""
    made.write(SNAKEFILE.replace("params:", 'log: notebook="logs/made.ipynb"\n        params:'))
    assert made.run().did_nothing
    assert made.run(*NEW).computed == ["a"]
    cells = json.loads(made.read("logs/made.ipynb"))["cells"]
    assert cells[-1]["execution_count"] is not None
    assert made.clone().run(*NEW).did_nothing


def test_a_kernel_of_another_python(made):
    clone = made.clone()
    kernel = clone.directory.parent / "jupyter/kernels/other"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": command, "display_name": "Other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(specification))
    clone.environment["JUPYTER_PATH"] = str(kernel.parents[1])
    edit(clone, notebook(FIRST, SECOND, kernel="other"))
    assert clone.run().computed == ["a"]
    assert clone.run().did_nothing
    assert clone.clone("again").run().did_nothing
