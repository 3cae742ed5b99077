"""Params."""

from ..step import Step, Table, clone, differs, shell

CASES = Table()
case = CASES.case

case(
    "order of params",
    "params are given in another order",
    *differs(
        shell("echo {params} > {output}", "params: a=1, b=2"),
        shell("echo {params} > {output}", "params: b=2, a=1"),
        "1 2\n",
        "2 1\n",
    ),
    peer="wrong",
)
TYPE = "echo {params.k} > {output}"
case(
    "types of params",
    "a param is 1, 1.0, True or '1'",
    Step(shell(TYPE, "params: k=1"), "1\n", ["a"]),
    clone(shell(TYPE, "params: k=1.0"), "1.0\n", ["a"]),
    clone(shell(TYPE, "params: k=True"), "True\n", ["a"]),
    clone(shell(TYPE, "params: k='1'"), "1\n", ["a"]),
    clone(shell(TYPE, "params: k=1"), "1\n"),
    peer="right",
)
case(
    "order in a list",
    "the members of a list or tuple are in another order",
    Step(shell(TYPE, "params: k=[1, 2]"), "1 2\n", ["a"]),
    clone(shell(TYPE, "params: k=[2, 1]"), "2 1\n", ["a"]),
    clone(shell(TYPE, "params: k=(1, 2)"), "1 2\n", ["a"]),
    peer="right",
)
case(
    "order in a dict",
    "the items of a dict are in another order",
    *differs(
        shell('echo "{params.k}" > {output}', "params: k={'a': 1, 'b': 2}"),
        shell('echo "{params.k}" > {output}', "params: k={'b': 2, 'a': 1}"),
        "{'a': 1, 'b': 2}\n",
        "{'b': 2, 'a': 1}\n",
    ),
    peer="wrong",
)
case(
    "function as param",
    "a param is a function of a global variable, which changes",
    *differs(
        "K = 3\n" + shell(TYPE, "params: k=lambda wildcards: K"),
        "K = 4\n" + shell(TYPE, "params: k=lambda wildcards: K"),
        "3\n",
        "4\n",
    ),
    peer="right",
)
case(
    "set as param",
    "a param is a set",
    Step(shell("echo {params.k} > {output}", "params: k={1}"), "1\n", ["a"]),
    clone(shell("echo {params.k} > {output}", "params: k={1}"), "1\n"),
    peer="fails",
)
OBJECT = "class K:\n    def __str__(self): return 'k'\n" + shell(TYPE, "params: k=K()")
case(
    "object as param",
    "a param is an object of which nobody knows what it is",
    Step(OBJECT, "k\n", ["a"]),
    clone(OBJECT, "k\n", ["a"]),
    peer="fails",
)
case(
    "rule inheritance",
    "a rule is another one with other params",
    Step(shell(TYPE, "params: k=1"), "1\n", ["a"]),
    clone(
        shell(TYPE, "params: k=1")
        + "use rule a as b with:\n    output: 'd/x.txt'\n    params: k=2\n",
        "1\n2\n",
        ["b"],
        targets=["x.txt", "d/x.txt"],
    ),
    peer="right",
)
