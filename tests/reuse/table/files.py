"""Inputs and outputs."""

from ..step import ONE, PQ, Step, Table, clone, copies, differs, shell

CASES = Table()
case = CASES.case

case(
    "swapped named inputs",
    "two rules differ only in which input has which name",
    *differs(
        copies(
            "cat {input.x} {input.y} > {output}", input="x=local('p/in.txt'), y=local('q/in.txt')"
        ),
        copies(
            "cat {input.x} {input.y} > {output}", input="x=local('q/in.txt'), y=local('p/in.txt')"
        ),
        "p\nq\n",
        "q\np\n",
        files=PQ,
    ),
    peer="wrong",
)
case(
    "swapped inputs",
    "two rules differ only in the order of their inputs",
    *differs(
        copies(input="local('p/in.txt'), local('q/in.txt')"),
        copies(input="local('q/in.txt'), local('p/in.txt')"),
        "p\nq\n",
        "q\np\n",
        files=PQ,
    ),
    peer="wrong",
)
case(
    "number of inputs",
    "two rules differ only in the number of equal inputs",
    *differs(
        copies(input="local('p/in.txt')"),
        copies(input="local('p/in.txt'), local('q/in.txt')"),
        "p\n",
        "p\np\n",
        files={"p/in.txt": "p\n", "q/in.txt": "p\n"},
    ),
    peer="right",
)
case(
    "number of outputs",
    "two rules differ only in the number of outputs",
    Step(copies("for o in {output}; do echo {output} | wc -w > $o; done"), "1\n", ["a"], files=ONE),
    clone(
        copies("for o in {output}; do echo {output} | wc -w > $o; done", output="'x.txt', 'y.txt'"),
        "2\n2\n",
        ["a"],
        targets=["x.txt", "y.txt"],
    ),
    peer="fails",
)
case(
    "swapped outputs",
    "the same computation writes its two outputs to each other's place",
    Step(
        copies("echo 1 > {output.x}; echo 2 > {output.y}", output="x='p/o.txt', y='q/o.txt'"),
        "1\n2\n",
        ["a"],
        files=ONE,
        targets=["p/o.txt", "q/o.txt"],
    ),
    clone(
        copies("echo 1 > {output.x}; echo 2 > {output.y}", output="x='q/o.txt', y='p/o.txt'"),
        "2\n1\n",
        ["a"],
        targets=["p/o.txt", "q/o.txt"],
    ),
    peer="right",
)
case(
    "wildcard in command",
    "a command names a wildcard; two samples have equal inputs",
    Step(
        copies("echo {wildcards.s} > {output}", input="local('{s}/in.txt')", output="'{s}/x.txt'"),
        "A\nB\n",
        ["a", "a"],
        files={"A/in.txt": "1\n", "B/in.txt": "1\n"},
        targets=["A/x.txt", "B/x.txt"],
    ),
    peer="wrong",
)
case(
    "output name",
    "a result contains the name of its file",
    Step(copies("basename {output} > {output}"), "x.txt\n", ["a"], files=ONE),
    clone(
        copies("basename {output} > {output}", output="'y.txt'"),
        "y.txt\n",
        ["a"],
        targets=["y.txt"],
    ),
    peer="wrong",
)
case(
    "input name",
    "a result contains the name of its input",
    *differs(
        copies("cd $(dirname {input}) && wc -l $(basename {input}) > $OLDPWD/{output}"),
        copies(
            "cd $(dirname {input}) && wc -l $(basename {input}) > $OLDPWD/{output}",
            input="local('other.txt')",
        ),
        "1 in.txt\n",
        "1 other.txt\n",
        files=ONE | {"other.txt": "one\n"},
    ),
    peer="wrong",
)
DIRECTORIES = {"A/in.txt": "1\n", "B/in.txt": "1\n"}
DIRECTORY_NAME = copies(
    "basename $(dirname {input}) > {output}", input="local('{s}/in.txt')", output="'{s}/x.txt'"
)
case(
    "directory name",
    "a result contains the name of its input's directory: $(basename $(dirname {input}))",
    Step(DIRECTORY_NAME, "A\n", ["a"], files=DIRECTORIES, targets=["A/x.txt"]),
    clone(DIRECTORY_NAME, "B\n", ["a"], targets=["B/x.txt"]),
    peer="wrong",
)
PATH = copies("md5sum {input} > {output}", input="local('{s}/in.txt')", output="'{s}/x.txt'")
case(
    "path",
    "a program writes the whole path of its input into its result, like md5sum",
    Step(
        PATH,
        "b026324c6904b2a9cb4b88d6d61c81d1  A/in.txt\n",
        ["a"],
        files=DIRECTORIES,
        targets=["A/x.txt"],
    ),
    clone(PATH, "b026324c6904b2a9cb4b88d6d61c81d1  B/in.txt\n", ["a"], targets=["B/x.txt"]),
    peer="wrong",
)
case(
    "ignored names",
    "names of files do not matter to the user: ignore_file_names=True",
    Step(
        copies(), "one\n", ["a"], files=ONE | {"other.txt": "one\n"}, reuse="ignore_file_names=True"
    ),
    clone(
        copies(input="local('other.txt')", output="'y.txt'", name="b"),
        "one\n",
        targets=["y.txt"],
        reuse="ignore_file_names=True",
    ),
    peer="right",
)
case(
    "ignored names of one rule",
    "names of files do not matter for one of two rules",
    Step(copies(), "one\n", ["a"], files=ONE, reuse="ignore_file_names=['a']"),
    clone(
        copies(output="'y.txt'") + copies(output="'z.txt'", name="b"),
        "one\none\n",
        ["b"],
        targets=["y.txt", "z.txt"],
        reuse="ignore_file_names=['a']",
    ),
)
COMPRESSING = "case {output} in *.gz) echo packed;; *) cat {input};; esac > {output}"
case(
    "suffix",
    "a program compresses by suffix, also where names are ignored",
    Step(copies(COMPRESSING), "one\n", ["a"], files=ONE, reuse="ignore_file_names=True"),
    clone(
        copies(COMPRESSING, output="'x.txt.gz'"),
        "packed\n",
        ["a"],
        targets=["x.txt.gz"],
        reuse="ignore_file_names=True",
    ),
    peer="right",
)
case(
    "empty output",
    "a result is an empty file",
    Step(shell(": > {output}"), "0\n", ["a"], show="cat {input} | wc -c"),
    clone(shell(": > {output}"), "0\n", show="cat {input} | wc -c"),
    peer="right",
)
case(
    "executable input",
    "an input becomes executable",
    Step(
        copies("if test -x {input}; then echo yes; else echo no; fi > {output}"),
        "no\n",
        ["a"],
        files=ONE,
    ),
    clone(
        copies("if test -x {input}; then echo yes; else echo no; fi > {output}"),
        "yes\n",
        ["a"],
        change=lambda world: (world.directory / "in.txt").chmod(0o755),
    ),
    peer="wrong",
)
