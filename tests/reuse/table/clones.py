"""Clones, times, and switching back."""

from ..step import (
    ONE,
    Step,
    Table,
    clone,
    copies,
    drop,
    replace_by_older,
    rewrite,
    shell,
    touch_sources,
    write,
)

CASES = Table()
case = CASES.case

case(
    "clone",
    "a fresh clone of a finished workflow, with new times",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(copies(), "one\n"),
    peer="right",
)
case(
    "touched source",
    "a source gets a new time",
    Step(copies(), "one\n", ["a"], files=ONE),
    Step(copies(), "one\n", change=touch_sources),
    peer="right",
)
case(
    "time set back",
    "the content of a source changes, and its time is set back",
    Step(copies(), "one\n", ["a"], files=ONE),
    Step(copies(), "two\n", ["a"], change=rewrite("in.txt", "two\n")),
    peer="wrong",
)
case(
    "older source",
    "a source is replaced by an older file",
    Step(copies(), "one\n", ["a"], files=ONE),
    Step(copies(), "two\n", ["a"], change=replace_by_older("in.txt", "two\n")),
    peer="wrong",
)


TYPE = "echo {params.k} > {output}"


def switching(k: int) -> str:
    return shell(TYPE, f"params: k={k}", output="y.txt") + copies(
        input="'y.txt'", name="b", output="'x.txt'"
    )


case(
    "switching back",
    "a param is 3, then 4, then 3 again; what is made from the result is local",
    Step(shell(TYPE, "params: k=3"), "3\n", ["a"]),
    Step(shell(TYPE, "params: k=4"), "4\n", ["a"]),
    Step(shell(TYPE, "params: k=3"), "3\n"),
    Step(shell(TYPE, "params: k=4"), "4\n"),
    peer="right",
)
case(
    "switching back two rules",
    "the same with one more rule whose result is in the store",
    Step(switching(3), "3\n", ["a", "b"]),
    Step(switching(4), "4\n", ["a", "b"]),
    Step(switching(3), "3\n"),
    peer="right",
)
LOCAL = """\
rule t:
    output: local('t.txt')
    params: k={}
    shell: 'echo {{params.k}} > {{output}}'
"""
case(
    "switching back behind a local file",
    "the same where the first rule's result is local",
    Step(LOCAL.format(3) + copies(input="local('t.txt')"), "3\n", ["a", "t"]),
    Step(LOCAL.format(4) + copies(input="local('t.txt')"), "4\n", ["a", "t"]),
    Step(LOCAL.format(3) + copies(input="local('t.txt')"), "3\n", ["t"]),
    peer="right",
)
ALSO_LOCAL = {"targets": ["local('t.txt')", "x.txt"]}
case(
    "switching back a local file",
    "the same where what is made is local, and only something else is in the store",
    Step(LOCAL.format(3) + shell("echo x > {output}"), "3\nx\n", ["a", "t"], **ALSO_LOCAL),
    Step(LOCAL.format(4) + shell("echo x > {output}"), "4\nx\n", ["t"], **ALSO_LOCAL),
    Step(LOCAL.format(3) + shell("echo x > {output}"), "3\nx\n", ["t"], **ALSO_LOCAL),
    peer="right",
)
TEMP = "rule t:\n    output: temp(local('t.txt'))\n    shell: 'echo t > {output}'\n" + copies(
    input="local('t.txt')"
)
case(
    "deleted intermediate",
    "an intermediate is local and temporary, and not there in a clone",
    Step(TEMP, "t\n", ["a", "t"]),
    clone(TEMP, "t\n"),
    peer="right",
)
SAMPLES = "rule ref:\n    output: local('ref.txt')\n    shell: 'echo ref > {output}'\n" + copies(
    input="local('ref.txt'), local('{s}.in')", output="'{s}.txt'"
)
case(
    "new sample",
    "a clone has one more sample; all need an intermediate that is local",
    Step(SAMPLES, "ref\nA\n", ["a", "ref"], files={"A.in": "A\n"}, targets=["A.txt"]),
    clone(
        SAMPLES,
        "ref\nA\nref\nB\n",
        ["a", "ref"],
        files={"B.in": "B\n"},
        targets=["A.txt", "B.txt"],
    ),
    peer="right",
)
OWN_LOCAL = copies(input="local('{s}.in')", output="local('{s}.tmp')", name="t") + copies(
    input="local('{s}.tmp')", output="'{s}.txt'"
)
case(
    "new sample with an intermediate of its own",
    "a clone has one more sample; each has an intermediate that is local",
    Step(OWN_LOCAL, "A\n", ["a", "t"], files={"A.in": "A\n"}, targets=["A.txt"]),
    clone(OWN_LOCAL, "A\nB\n", ["a", "t"], files={"B.in": "B\n"}, targets=["A.txt", "B.txt"]),
    peer="runs t",
)
RANDOM = "rule ref:\n    output: local('ref.txt')\n    shell: 'date +%s%N > {output}'\n" + copies(
    "cat {input} > {output}", input="local('ref.txt')", output="'{s}.txt'", name="a"
)


def are_equal(results: list[str]) -> bool:
    """Whether all targets have one content."""
    return len(set(results[-1].split())) == 1


case(
    "new sample behind a random file",
    "the same where the intermediate is another one each time it is made",
    Step(RANDOM, are_equal, ["a", "ref"], targets=["local('ref.txt')", "A.txt"]),
    clone(RANDOM, are_equal, ["a", "a", "ref"], targets=["local('ref.txt')", "A.txt", "B.txt"]),
    peer="wrong",
)
CUTOFF = copies("head -n 1 {input} > {output}", output="'t.txt'", name="t") + copies(
    input="'t.txt'"
)
case(
    "early cutoff",
    "a source changes in a way that its first rule does not show",
    Step(CUTOFF, "1\n", ["a", "t"], files={"in.txt": "1\n2\n"}),
    Step(CUTOFF, "1\n", ["t"], files={"in.txt": "1\n3\n"}),
    peer="runs a",
)
FIRST_OF_TWO = copies("sed s/one/two/ {input} > {output}", output="'t.txt'", name="t")
case(
    "evicted intermediate",
    "the bytes of an intermediate are gone from the store",
    Step(
        FIRST_OF_TWO + copies("sed s/two/three/ {input} > {output}", input="'t.txt'"),
        "three\n",
        ["a", "t"],
        files=ONE,
    ),
    clone(
        FIRST_OF_TWO + copies("sed s/two/three/ {input} > {output}", input="'t.txt'"),
        "three\n",
        change=drop("two"),
    ),
    clone(
        FIRST_OF_TWO + copies("sed s/two/four/ {input} > {output}", input="'t.txt'"),
        "four\n",
        ["a", "t"],
    ),
    peer="runs t",
)
EDITED = copies(output="local('t.txt')", name="t") + copies(input="local('t.txt')")
case(
    "edited intermediate",
    "a local intermediate is edited by hand, then somebody else clones the workflow",
    Step(EDITED, "one\n", ["a", "t"], files=ONE),
    Step(EDITED, "hand\n", ["a"], change=write("t.txt", "hand\n")),
    clone(EDITED, "one\n"),
    peer="wrong",
)
