"""Runs that go wrong, and stores that were damaged."""

from ..step import (
    ONE,
    TOOLS,
    Step,
    Table,
    clone,
    copies,
    damage_records,
    delete,
    drop,
    flip,
    publish,
    shell,
    truncate,
    write,
)

CASES = Table()
case = CASES.case

case(
    "forced",
    "a job that gives another result each time is forced to run: its new result wins",
    Step(shell("date +%s%N > {output}"), lambda results: results[0] != "", ["a"]),
    Step(
        shell("date +%s%N > {output}"),
        lambda results: results[1] != results[0],
        ["a"],
        args=["--forcerun", "a"],
    ),
    clone(shell("date +%s%N > {output}"), lambda results: results[2] == results[1]),
    peer="wrong",
)
FAILING = copies("cat {input} > {output}; tool")
FAIL_TOOL = {"../bin/tool": '#!/bin/sh\ntest ! -e "$0-broken"\n'}
case(
    "failed job",
    "a job fails after it wrote its output",
    Step(
        FAILING,
        "",
        files=ONE | FAIL_TOOL,
        env=TOOLS,
        change=write("../bin/tool-broken", ""),
        fails=True,
    ),
    clone(FAILING, "one\n", ["a"], env=TOOLS, change=delete("../bin/tool-broken")),
    peer="right",
)
case(
    "changing input",
    "an input changes while the job runs",
    Step(
        FAILING,
        "one\n",
        ["a"],
        files=ONE
        | {
            "../bin/tool": "#!/bin/sh\n"
            'if test -e "$0-broken"; then sleep 0.1; echo two > in.txt; fi\n'
        },
        env=TOOLS,
        change=write("../bin/tool-broken", ""),
    ),
    Step(FAILING, "two\n", ["a"], env=TOOLS, change=delete("../bin/tool-broken")),
    clone(FAILING, "one\n", ["a"], env=TOOLS),
    peer="wrong",
)
case(
    "non-empty result demanded",
    "the user comes to demand that a result is not empty",
    Step(shell(": > {output}"), "", ["a"]),
    clone(
        shell(": > {output}").replace("'x.txt'", "ensure('x.txt', non_empty=True)"), "", fails=True
    ),
    peer="right",
)
SUM = "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"  # of "1\n"
case(
    "checksum demanded",
    "the user comes to demand a checksum, first a wrong one",
    Step(shell("echo 1 > {output}"), "1\n", ["a"]),
    clone(
        shell("echo 1 > {output}").replace("'x.txt'", f"ensure('x.txt', sha256='{'0' * 64}')"),
        "",
        fails=True,
    ),
    clone(
        shell("echo 1 > {output}").replace("'x.txt'", f"ensure('x.txt', sha256='{SUM}')"),
        "1\n",
        ["a"],
    ),
    peer="right",
)
case(
    "truncated result",
    "a stored result is truncated",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(copies(), "one\n", ["a"], change=truncate),
    clone(copies(), "one\n"),
    peer="wrong",
)
VERIFY = ["--storage-seqstore-verify", "sha256"]
case(
    "flipped bits",
    "bits of a stored result flip; its size stays the same",
    Step(copies(), "one\n", ["a"], files=ONE, args=VERIFY),
    clone(copies(), "one\n", ["a"], change=flip, args=VERIFY),
    peer="wrong",
)
case(
    "damaged record",
    "the record of a computation is damaged",
    Step(copies(), "one\n", ["a"], files=ONE),
    clone(copies(), "one\n", ["a"], change=damage_records),
    clone(copies(), "one\n"),
)
TWO = copies("echo 1 > {output[0]}; echo 2 > {output[1]}", output="'x.txt', 'y.txt'")
case(
    "one of two gone",
    "of two results of one job, the bytes of one are gone",
    Step(TWO, "1\n2\n", ["a"], files=ONE, targets=["x.txt", "y.txt"]),
    clone(TWO, "1\n2\n", ["a"], change=drop("2\n"), targets=["x.txt", "y.txt"]),
    peer="fails",
)
case(
    "name of somebody else",
    "somebody publishes other content by the name of a result",
    Step(copies(), "one\n", ["a"], files=ONE, change=publish("x.txt", "foreign\n")),
    Step(copies(), "one\n", change=publish("x.txt", "foreign\n")),
    clone(copies(), "one\n"),
)
case(
    "two workflows, one name",
    "two workflows make different results by one name, in turn",
    Step(shell("echo 1 > {output}"), "1\n", ["a"]),
    clone(shell("echo 2 > {output}"), "2\n", ["a"]),
    clone(shell("echo 1 > {output}"), "1\n"),
    peer="right",
)
STORED_SOURCE = copies(input="storage('seqstore://files/source.txt')", output="'x.txt'")
case(
    "stored source",
    "a source is in the store, and somebody publishes a new version of it",
    Step(STORED_SOURCE, "one\n", ["a"], change=publish("source.txt", "one\n")),
    Step(STORED_SOURCE, "two\n", ["a"], change=publish("source.txt", "two\n")),
    clone(STORED_SOURCE, "one\n", change=publish("source.txt", "one\n")),
)
