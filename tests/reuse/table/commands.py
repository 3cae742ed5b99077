"""Commands."""

from ..step import ONE, Step, Table, clone, copies, differs, shell

CASES = Table()
case = CASES.case

CONFIG = shell("echo {config[kk]} > {output}")
case(
    "config in command",
    "a command names a value of config, which changes",
    Step(CONFIG, "3\n", ["a"], args=["--config", "kk=3"]),
    clone(CONFIG, "4\n", ["a"], args=["--config", "kk=4"]),
    clone(CONFIG, "3\n", args=["--config", "kk=3"]),
    peer="wrong",
)
case(
    "global in command",
    "a command names a global variable, which changes",
    *differs(
        "K = 3\n" + shell("echo {K} > {output}"),
        "K = 4\n" + shell("echo {K} > {output}"),
        "3\n",
        "4\n",
    ),
    peer="wrong",
)
MODULES = """\
module m:
    snakefile: "m.smk"
    config: {"kk": 1}
    prefix: "m"
use rule * from m as m_*
module n:
    snakefile: "m.smk"
    config: {"kk": 2}
    prefix: "n"
use rule * from n as n_*
"""
case(
    "config of modules",
    "two modules have equal rules and different configs",
    Step(
        MODULES,
        "1\n2\n",
        ["m_a", "n_a"],
        files={"m.smk": CONFIG},
        args=["--config", "kk=0"],
        targets=["m/x.txt", "n/x.txt"],
    ),
    clone(MODULES, "1\n2\n", args=["--config", "kk=5"], targets=["m/x.txt", "n/x.txt"]),
    peer="wrong",
)
case(
    "edited command",
    "a command is edited",
    *differs(shell("echo 3 > {output}"), shell("echo 4 > {output}"), "3\n", "4\n"),
    peer="right",
)
case(
    "reflowed command",
    "a command is written in two parts instead of one",
    Step(shell("echo 3 > {output}"), "3\n", ["a"]),
    clone(
        "rule a:\n    output: 'x.txt'\n    shell:\n        'echo 3 '\n        '> {output}'\n", "3\n"
    ),
    peer="right",
)
case(
    "rule name",
    "the same computation in another workflow, by a rule of another name",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(copies(name="b"), "one\n"),
    peer="right",
)
case(
    "rule name in command",
    "a command names its rule",
    Step(shell("echo {rule} > {output}"), "a\n", ["a"]),
    clone(shell("echo {rule} > {output}", name="b"), "b\n", ["b"]),
    peer="wrong",
)
case(
    "shell.prefix",
    "`shell.prefix` changes",
    *differs(
        "shell.prefix('N=1; ')\n" + shell("echo $N > {output}"),
        "shell.prefix('N=2; ')\n" + shell("echo $N > {output}"),
        "1\n",
        "2\n",
    ),
    peer="wrong",
)
case(
    "shell.executable",
    "another shell runs the command",
    *differs(
        shell("echo -e 1 > {output}"),
        "shell.executable('/bin/sh')\n" + shell("echo -e 1 > {output}"),
        "1\n",
        "-e 1\n",
    ),
    peer="wrong",
)
case(
    "own resource",
    "a command names a resource that the user invented",
    *differs(
        shell("echo {resources.depth} > {output}", "resources: depth=1"),
        shell("echo {resources.depth} > {output}", "resources: depth=2"),
        "1\n",
        "2\n",
    ),
    peer="wrong",
)
case(
    "resources",
    "threads, memory, run time, priority, group and log change",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(
        copies(
            "cat {input} > {output}",
            "threads: 2",
            "resources: mem_mb=100, runtime=5",
            "priority: 5",
            "group: 'g'",
            "log: local('a.log')",
        ),
        "one\n",
    ),
    peer="right",
)
case(
    "benchmark",
    "a benchmark is asked for as well",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(copies("cat {input} > {output}", "benchmark: local('a.tsv')"), "one\n"),
    peer="fails",
)
