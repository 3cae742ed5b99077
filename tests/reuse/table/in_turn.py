"""What undeclared files, and programs, read in turn."""

from ..step import ONE, TOOLS, Step, Table, clone, copies, shell, undeclared

CASES = Table()
case = CASES.case

for name, title, command, files in (
    (
        "list of files",
        "a command reads a list of files, one of which changes: xargs -a",
        "xargs -a list.txt cat > {output}",
        {"list.txt": "side.txt\n"},
    ),
    (
        "list that is read",
        "the same in a loop: while read f",
        "while read f; do cat $f; done < list.txt > {output}",
        {"list.txt": "side.txt\n"},
    ),
    (
        "file in settings",
        "a command runs a Python script that reads settings, which name a file that changes",
        "python run.py > {output}",
        {
            "run.py": "import json\nprint(end=open(json.load(open('run.json'))['file']).read())\n",
            "run.json": '{"file": "side.txt"}\n',
        },
    ),
    (
        "file that is included",
        "a command names a file that includes another one, which changes",
        "cat $(sed 's/include //' main.tex) > {output}",
        {"main.tex": "include side.txt\n"},
    ),
):
    rule = copies(command)
    case(
        name,
        title,
        Step(rule, "one\n", ["a"], files=ONE | files | {"side.txt": "one\n"}),
        clone(rule, "one\n"),
        clone(rule, "two\n", ["a"], files={"side.txt": "two\n"}),
        peer="wrong",
    )

for name, title, tool, file, before, after in (
    (
        "data of a program",
        "a program on the PATH reads what is beside it, which changes",
        "#!/bin/sh\ncat $(dirname $0)/../share/data\n",
        "../share/data",
        "one\n",
        "two\n",
    ),
    (
        "module of a program",
        "a program on the PATH in Python imports what is beside it, which changes",
        "#!/usr/bin/env python3\nimport helper_of_tool\n",
        "../bin/helper_of_tool.py",
        "print('one')\n",
        "print('two')\n",
    ),
):
    rule = copies("tool > {output}")
    case(
        name,
        title,
        Step(rule, "one\n", ["a"], files=ONE | {"../bin/tool": tool, file: before}, env=TOOLS),
        clone(rule, "one\n", env=TOOLS),
        clone(rule, "two\n", ["a"], files={file: after}, env=TOOLS),
        peer="wrong",
    )

case(
    "startup file",
    "a program reads a file in the user's directory by itself, which changes: ~/.sqliterc",
    *undeclared(
        "sqlite3() {{ cat ~/.sqliterc; }}; sqlite3 > {output}",
        "../.sqliterc",
        env={"HOME": "{root}"},
    ),
    peer="wrong",
)
case(
    "options of a program",
    "a variable that a program reads by itself changes: XZ_OPT",
    Step(
        shell("xz() {{ echo $(env | sed -n s/^XZ_O.T=//p); }}; xz > {output}"),
        "-0\n",
        ["a"],
        env={"XZ_OPT": "-0"},
    ),
    clone(
        shell("xz() {{ echo $(env | sed -n s/^XZ_O.T=//p); }}; xz > {output}"),
        "-9\n",
        ["a"],
        env={"XZ_OPT": "-9"},
    ),
    peer="wrong",
)
LIBRARIES = shell("env | sed -n s/^LD_LIBRARY_P.TH=//p > {output}")
case(
    "libraries of all programs",
    "programs find their libraries elsewhere: LD_LIBRARY_PATH",
    Step(LIBRARIES, "/no/1\n", ["a"], env={"LD_LIBRARY_PATH": "/no/1"}),
    clone(LIBRARIES, "/no/2\n", ["a"], env={"LD_LIBRARY_PATH": "/no/2"}),
    clone(LIBRARIES, "/no/1\n", env={"LD_LIBRARY_PATH": "/no/1"}),
    peer="wrong",
)
BRACED = shell("perl -e 'print \"$ENV{{VALUE}}\\n\"' > {output}")
case(
    "variable in Perl",
    "an environment variable that Perl code in a command names changes",
    Step(BRACED, "1\n", ["a"], env={"VALUE": "1"}),
    clone(BRACED, "2\n", ["a"], env={"VALUE": "2"}),
    peer="wrong",
)
PERL = copies("perl tools/run.pl > {output}")
case(
    "modules from where a Perl script is",
    "a Perl script uses a module beside its directory, which changes",
    Step(
        PERL,
        "one\n",
        ["a"],
        files=ONE
        | {
            "tools/run.pl": 'use FindBin; use lib "$FindBin::Bin/../lib"; use Side;\n',
            "lib/Side.pm": 'print "one\\n"; 1;\n',
        },
    ),
    clone(PERL, "one\n"),
    clone(PERL, "two\n", ["a"], files={"lib/Side.pm": 'print "two\\n"; 1;\n'}),
    peer="wrong",
)
AT_HOME = copies("python run.py > {output}")
case(
    "hidden file",
    "a Python script reads a file in the user's directory: Path.home() / '.toolrc'",
    Step(
        AT_HOME,
        "one\n",
        ["a"],
        files=ONE
        | {
            "run.py": "from pathlib import Path\n"
            "print(end=(Path.home() / '.toolrc').read_text())\n",
            "../.toolrc": "one\n",
        },
        env={"HOME": "{root}"},
    ),
    clone(AT_HOME, "one\n", env={"HOME": "{root}"}),
    clone(AT_HOME, "two\n", ["a"], files={"../.toolrc": "two\n"}, env={"HOME": "{root}"}),
    peer="wrong",
)
