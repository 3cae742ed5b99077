"""Kinds of outputs."""

from ..step import ONE, Step, Table, clone, copies, shell

CASES = Table()
case = CASES.case

case(
    "executable result",
    "a result is executable",
    Step(
        shell("printf '#!/bin/sh\\necho hi\\n' > {output}; chmod +x {output}"),
        "hi\n",
        ["a"],
        show="./{input}",
    ),
    clone(
        shell("printf '#!/bin/sh\\necho hi\\n' > {output}; chmod +x {output}"),
        "hi\n",
        show="./{input}",
    ),
    peer="fails",
)
DIRECTORY = copies(
    "mkdir -p {output}; for f in $(cat {input}); do echo $f > {output}/$f; done",
    output="directory('d')",
)
LISTING = "cd {input}; for f in *; do echo $f; cat $f; done"
case(
    "directory",
    "a result is a directory; files in it come, go and come back",
    Step(DIRECTORY, "x\nx\ny\ny\n", ["a"], files={"in.txt": "x y\n"}, targets=["d"], show=LISTING),
    Step(DIRECTORY, "x\nx\n", ["a"], files={"in.txt": "x\n"}, targets=["d"], show=LISTING),
    Step(DIRECTORY, "x\nx\nz\nz\n", ["a"], files={"in.txt": "x z\n"}, targets=["d"], show=LISTING),
    Step(DIRECTORY, "x\nx\ny\ny\n", files={"in.txt": "x y\n"}, targets=["d"], show=LISTING),
    peer="right",
)
LINKS = shell("mkdir -p {output}; echo 1 > {output}/f; ln -s f {output}/l").replace(
    "'x.txt'", "directory('d')"
)
case(
    "links in a directory",
    "a result is a directory with a link in it",
    Step(LINKS, "1\n0\n", ["a"], targets=["d"], show="cat {input}/l; test -L {input}/l; echo $?"),
    clone(LINKS, "1\n0\n", targets=["d"], show="cat {input}/l; test -L {input}/l; echo $?"),
    peer="right",
)
FOLDER = copies("cat {input}/* > {output}", input="local('parts')")
case(
    "directory as input",
    "an input is a directory: a file in it is added, then files are renamed",
    Step(FOLDER, "1\n", ["a"], files={"parts/b": "1\n"}),
    clone(FOLDER, "1\n2\n", ["a"], files={"parts/c": "2\n"}),
    clone(
        FOLDER,
        "2\n1\n",
        ["a"],
        change=lambda world: (world.directory / "parts/c").rename(world.directory / "parts/a"),
    ),
    peer="fails",
)
TEMPORARY = copies(output="temp('t.txt')", name="t") + copies(input="'t.txt'")
case(
    "temporary result",
    "an intermediate in the store is temporary; then what is made from it changes",
    Step(TEMPORARY, "one\n", ["a", "t"], files=ONE),
    Step(TEMPORARY, "one\n"),
    clone(TEMPORARY, "one\n"),
    peer="right",
)
case(
    "protected result",
    "a result is protected, and its input changes",
    Step(copies(output="protected('x.txt')"), "one\n", ["a"], files=ONE),
    clone(copies(output="protected('x.txt')"), "one\n"),
    clone(copies(output="protected('x.txt')"), "two\n", ["a"], files={"in.txt": "two\n"}),
    peer="right",
)
FLAG = copies(":", output="touch('done.txt')", name="t") + copies(
    "cat {input} > {output}; echo x >> {output}", input="'done.txt'"
)
case(
    "touched flag",
    "a job's output is a flag, touch('done.txt')",
    Step(FLAG, "x\n", ["a", "t"], files=ONE),
    clone(FLAG, "x\n"),
    peer="fails",
)


def beside(flag: str, number: int) -> str:
    """A rule that writes something which it does not declare, and one that reads it."""
    side = "$(printf %s%s si de)"
    return copies(
        f"mkdir -p {side}; echo {{params.number}} > {side}/f",
        f"params: number={number}",
        output=flag,
    ) + copies(f"cat {side}/f > {{output}}", input=flag.replace("touch", ""), name="b")


case(
    "beside a flag",
    "a rule reads what another one writes without declaring it, beside a flag",
    Step(beside("touch('done')", 3), "3\n", ["a", "b"], files=ONE),
    Step(beside("touch('done')", 4), "4\n", ["a", "b"]),
    Step(beside("touch('done')", 3), "3\n"),
    clone(beside("touch('done')", 4), "4\n"),
    peer="fails",
)
case(
    "beside a local flag",
    "the same where the flag is local",
    Step(beside("touch(local('done'))", 3), "3\n", ["a", "b"], files=ONE),
    Step(beside("touch(local('done'))", 4), "4\n", ["a", "b"]),
    Step(beside("touch(local('done'))", 3), "3\n", ["a"]),
    clone(beside("touch(local('done'))", 4), "4\n"),
    peer="fails",
)
MULTIEXT = copies(
    "for o in {output}; do echo $(basename $o) > $o; done", output="multiext('x', '.a', '.b')"
)
case(
    "multiext",
    "a job has several outputs by multiext",
    Step(MULTIEXT, "x.a\nx.b\n", ["a"], files=ONE, targets=["x.a", "x.b"]),
    clone(MULTIEXT, "x.a\nx.b\n", targets=["x.a", "x.b"]),
    peer="right",
)
LOG = copies("cat {input} > {output}; echo log > {log}", "log: local('a.log')") + copies(
    input="local('a.log')", output="'y.txt'", name="b"
)
case(
    "log as input",
    "a rule's input is another one's log",
    Step(LOG, "one\nlog\n", ["a", "b"], files=ONE, targets=["x.txt", "y.txt"]),
    clone(LOG, "one\nlog\n", ["a"], targets=["x.txt", "y.txt"]),
    peer="right",
)
PIPE = "rule p:\n    output: pipe(local('p.txt'))\n    shell: 'echo 1 > {output}'\n" + copies(
    input="local('p.txt')"
)
case(
    "pipe",
    "two jobs are connected by a pipe",
    Step(PIPE, "1\n", ["a", "p"], args=["--cores", "2"]),
    clone(PIPE, "1\n", args=["--cores", "2"]),
)
SHADOW = copies("cat {input} > {output}; echo > litter", "shadow: 'minimal'")
case(
    "shadow",
    "a job runs in a shadow directory",
    Step(SHADOW, "one\n", ["a"], files=ONE),
    clone(SHADOW, "one\n"),
    peer="right",
)
