"""What the scripts read that a command runs."""

from ..step import ONE, Step, Table, clone, copies

CASES = Table()
case = CASES.case


def following(name: str, title: str, command: str, files: dict[str, str], head="", **more) -> None:
    """A case in which something behind a command changes: ``ONE`` in the last of some files."""
    rules = head + copies(command, **more)
    last = list(files)[-1]
    before = ONE | {path: text.replace("ONE", "one") for path, text in files.items()}
    after = {last: files[last].replace("ONE", "two")}
    case(
        name,
        title,
        Step(rules, "one\n", ["a"], files=before),
        clone(rules, "one\n"),
        clone(rules, "two\n", ["a"], files=after),
        peer="wrong",
    )


SIDE = {"side.txt": "ONE\n"}
following(
    "script of a script",
    "a script runs another one, which reads an undeclared file",
    "bash tools/a.sh > {output}",
    {"tools/a.sh": "bash tools/b.sh\n", "tools/b.sh": "cat side.txt\n"} | SIDE,
)
following(
    "program of the workflow",
    "a program without suffix, in the workflow, reads an undeclared file",
    "tools/run > {output}",
    {"tools/run": "#!/bin/bash\ncat side.txt\n"} | SIDE,
)
following(
    "library beside a script",
    "a script sources what is beside it: $(dirname $0)/lib.sh",
    "bash tools/run.sh > {output}",
    {
        "tools/run.sh": 'source "$(dirname "$0")/lib.sh"\nhi\n',
        "tools/lib.sh": "hi() { echo ONE; }\n",
    },
)
following(
    "file beside a script",
    "a script changes to its own directory and reads a file there",
    "bash tools/run.sh > {output}",
    {"tools/run.sh": 'cd "$(dirname "$0")"\ncat d*.tsv\n', "tools/data.tsv": "ONE\n"},
)
following(
    "declared script",
    "a script that is declared as input reads an undeclared file",
    "bash {input.run} > {output}",
    {"run.sh": "cat side.txt\n"} | SIDE,
    input="run=local('run.sh')",
)
following(
    "module of a declared script",
    "a Python script that is declared as input imports a module, which changes",
    "python {input.run} > {output}",
    {"tools/run.py": "import helper\nprint(helper.x)\n", "tools/helper.py": "x = 'ONE'\n"},
    input="run=local('tools/run.py')",
)
following(
    "file of a Python script",
    "a Python script reads an undeclared file, which changes",
    "python tools/run.py > {output}",
    {"tools/run.py": "print(end=open('side.txt').read())\n"} | SIDE,
)
BY_VARIABLE = copies("python tools/run.py > {output}")
READS_BY_VARIABLE = "import os\nprint(end=open(os.environ['SIDE']).read())\n"
case(
    "file by variable of a Python script",
    "a Python script reads the undeclared file that a variable names: os.environ['SIDE']",
    Step(
        BY_VARIABLE,
        "one\n",
        ["a"],
        files=ONE | {"tools/run.py": READS_BY_VARIABLE, "side.txt": "one\n"},
        env={"SIDE": "side.txt"},
    ),
    clone(BY_VARIABLE, "one\n", env={"SIDE": "side.txt"}),
    clone(BY_VARIABLE, "two\n", ["a"], files={"side.txt": "two\n"}, env={"SIDE": "side.txt"}),
    peer="wrong",
)
following(
    "file by the name of a Python script",
    "a Python script reads a file that is called as the script is: Path(__file__).with_suffix()",
    "python tools/run.py > {output}",
    {
        "tools/run.py": "from pathlib import Path\n"
        "print(end=Path(__file__).with_suffix('.txt').read_text())\n",
        "tools/run.txt": "ONE\n",
    },
)
following(
    "file beside a Python script",
    "a Python script reads a file beside it, which changes",
    "python tools/run.py > {output}",
    {
        "tools/run.py": "from pathlib import Path\n"
        "print(end=(Path(__file__).parent / 'side.tsv').read_text())\n",
        "tools/side.tsv": "ONE\n",
    },
)
following(
    "module of a Python program",
    "a Python program without suffix imports a module, which changes",
    "tools/run > {output}",
    {
        "tools/run": "#!/usr/bin/env python3\nimport helper\nprint(helper.x)\n",
        "tools/helper.py": "x = 'ONE'\n",
    },
)
following(
    "python -m",
    "a command runs a module, which changes: python -m",
    "python -m tools.run > {output}",
    {"tools/__init__.py": "", "tools/run.py": "print('ONE')\n"},
)
following(
    "python -c",
    "Python code in a command imports a module, which changes",
    "python -c 'import helper; print(helper.x)' > {output}",
    {"helper.py": "x = 'ONE'\n"},
)
following(
    "module of a Perl script",
    "a Perl script uses a module, which changes",
    "perl tools/run.pl > {output}",
    {
        "tools/run.pl": "use lib 'lib'; use Foo; print Foo::x();\n",
        "lib/Foo.pm": 'package Foo; sub x { "ONE\\n" } 1;\n',
    },
)
following(
    "file of an awk script",
    "an awk script reads an undeclared file, which changes",
    "awk -f run.awk > {output}",
    {"run.awk": 'BEGIN { while ((getline x < "side.txt") > 0) print x }\n'} | SIDE,
)
following(
    "Makefile",
    "a command runs make, and the Makefile changes",
    "make -s made > {output}",
    {"Makefile": "made:\n\t@echo ONE\n"},
)
following(
    "file of shell.prefix",
    "`shell.prefix` sources a file, which changes",
    "echo $N > {output}",
    {"env": "N=ONE\n"},
    head="shell.prefix('source ./env; ')\n",
)
following(
    "script called mkdir",
    "a script with `mkdir` in its name is given an undeclared file, which changes",
    "bash tools/mkdir-all.sh side.txt > {output}",
    {"tools/mkdir-all.sh": "cat $1\n"} | SIDE,
)
following(
    "directory of templates",
    "a program is given the directory of its input by --template-dir; another file there changes",
    "tools/render --template-dir templates > {output}",
    {
        "tools/render": '#!/usr/bin/perl\nopen F, "$ARGV[1]/base"; print <F>;\n',
        "templates/main": "",
        "templates/base": "ONE\n",
    },
    input="local('templates/main')",
)
following(
    "sourced file",
    "a command sources a file without suffix, which names an undeclared file",
    "source ./settings; cat $F > {output}",
    {"settings": "F=side.txt\n"} | SIDE,
)
