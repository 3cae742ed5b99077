"""Commands are described once while nothing changes; what is remembered is what would be found."""

import os

import pytest
from snakemake.shell import shell

from snakemake_storage_plugin_seqstore.store import EMPTY
from snakemake_storage_plugin_seqstore.workflow import contents, directories
from snakemake_storage_plugin_seqstore.workflow.describer import Describer
from snakemake_storage_plugin_seqstore.workflow.plain import Plain
from snakemake_storage_plugin_seqstore.unknown import Unknown
from tests.workflow.describing import describer_of, in_a_fork, load

COMMANDS = {
    "plain": "cat {input} > {output}",
    "piped": "tool {input} | sort -k1,1 > {output}",
    "named": "tool side {input} > {output}",
    "variable": "tool $VALUE {input} > {output}",
    "default": "tool ${{OTHER:-side}} {input} > {output}",
    "pattern": "tool side* {input} > {output}",
    "prefix": "tool ref/genome {input} > {output}",
    "conventional": "make -s {input} > {output}",
    "changing": "cd ref; tool genome.fa {input} > {output}",
    "beside": "tool {input}.idx > {output}",
    "assigned": "i={input}; tool ${{i%.txt}}.idx > {output}",
    "script": "./run.sh {input} > {output}",
    "python": "python -c 'import local' {input} > {output}",
}
BINARY = "\x7fELF"  # no script
CHANGES = (
    ("nothing", lambda: None),
    ("a file that is named comes to be", lambda: write("side", "1")),
    ("it changes", lambda: write("side", "22")),
    ("it goes", lambda: os.unlink("side")),
    ("a file comes to be that begins with a word", lambda: write("ref/genome.fa", "1")),
    ("a file comes to be beside an input", lambda: write("in.txt.idx", "1")),
    ("another one", lambda: write("in.idx", "1")),
    ("a file comes to be that a program reads by itself", lambda: write("Makefile", "all:")),
    ("a module comes to be", lambda: write("local.py", "1")),
    ("a script comes to be", lambda: write("run.sh", "cat $1")),
    ("a program changes", lambda: program("second/tool", BINARY + "changed")),
    ("a file that is no program comes first", lambda: write("first/tool", BINARY)),
    ("it comes to be a program", lambda: os.chmod("first/tool", 0o755)),
    ("it is none any more", lambda: os.chmod("first/tool", 0o644)),
    ("the file goes", lambda: os.unlink("first/tool")),
    ("a program comes to be a script", lambda: program("second/tool", "#!/bin/sh\nhelper")),
    ("what it calls comes to be", lambda: program("second/helper", BINARY)),
    ("a program goes", lambda: os.unlink("second/tool")),
    ("a program comes to be", lambda: program("second/tool", BINARY)),
    ("there is another program elsewhere", lambda: program("third/tool", BINARY + "third")),
    ("the search path changes", lambda: os.environ.update(PATH=path("third", "second"))),
    ("a variable is set", lambda: os.environ.update(VALUE="-v")),
    ("it names a file", lambda: os.environ.update(VALUE="ref/genome.fa")),
    ("a variable is unset", lambda: os.environ.pop("VALUE")),
    ("the locale changes", lambda: os.environ.update(LC_ALL="de_DE.UTF-8")),
    ("programs find their libraries elsewhere", lambda: os.environ.update(LD_LIBRARY_PATH="x")),
    ("what comes before commands changes", lambda: shell.prefix("set -x; ")),
    ("that names a file", lambda: shell.prefix("cat ref/genome.fa; ")),
    ("another shell runs them", lambda: shell.executable("sh")),
)
SAME = (
    "nothing",
    "a file that is no program comes first",
    "the file goes",
    "there is another program elsewhere",
)


def write(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w") as file:
        file.write(text)


def program(name, text):
    write(name, text)
    os.chmod(name, 0o755)


def path(*own):
    return os.pathsep.join([*map(os.path.abspath, own), "/usr/bin", "/bin"])


def key(job, describer):
    try:
        return describer.describe(job, [EMPTY]).key
    except Unknown as reason:
        return str(reason)


def described(directory, snakefile):
    """The keys of all jobs after each change, as they are remembered and as they are found anew."""
    workflow = load(directory, snakefile)
    os.environ["PATH"] = path("first", "missing", "second")
    jobs = {job.rule.name: job for job in workflow.dag.jobs if job.output}
    held = []
    real = Plain.holds
    Plain.holds = lambda *arguments: held.append(real(*arguments)) or held[-1]
    remembering = describer_of(workflow)
    contents = remembering.surroundings.contents
    found = []
    for name, change in ((None, None), *CHANGES):
        if change:
            change()
            remembering = Describer(
                workflow, contents, lambda _: False, lambda _: False, remembering
            )
        new = describer_of(workflow)
        held.clear()
        keys = {rule: (key(job, remembering), key(job, new)) for rule, job in jobs.items()}
        found.append((name, keys, sum(held)))
    return found


def described_as_settled(directory, snakefile):
    """The same where everything counts as old: nothing is read again because it is new."""
    contents.is_settled = directories.is_settled = lambda *_: True
    return described(directory, snakefile)


@pytest.mark.parametrize("how", [described, described_as_settled])
def test_what_is_remembered_is_what_would_be_found(tmp_path, how):
    rules = "".join(
        f"""
rule {name}:
    input: "in.txt"
    output: "{name}.txt"
    shell: {command!r}
"""
        for name, command in COMMANDS.items()
    )
    targets = [f"{name}.txt" for name in COMMANDS]
    (tmp_path / "Snakefile").write_text(f"rule all:\n    input: {targets}\n{rules}")
    (tmp_path / "in.txt").touch()
    for name in ("first", "second", "ref"):
        (tmp_path / name).mkdir()
    (tmp_path / "second/tool").write_text(BINARY)
    (tmp_path / "second/tool").chmod(0o755)
    before = None
    for change, keys, held in in_a_fork(tmp_path, what=how):
        assert {rule: new for rule, (_, new) in keys.items()} == {
            rule: remembered for rule, (remembered, _) in keys.items()
        }, change
        if change is None:
            assert not held
        else:
            assert (keys == before) == (change in SAME), change
        if change == "nothing":
            assert held >= 4
        before = keys
