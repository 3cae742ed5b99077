"""What undeclared files, and programs, read in turn."""

from ..step import (
    ONE,
    TOOLS,
    Step,
    Table,
    all_of,
    by_variable,
    clone,
    copies,
    delete,
    rereads,
    shell,
    undeclared,
    write,
)

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
    (
        "settings of a shell",
        "a command reads settings into its shell, which name a file that changes: . ./settings.sh",
        ". ./settings.sh; echo $GIVEN > {output}",
        {"settings.sh": "GIVEN=$(cat side.txt)\n"},
    ),
):
    case(name, title, *undeclared(command, "side.txt", files=files), peer="wrong")

for name, title, command, files in (
    (
        "commands in a file",
        "a command runs a file of commands, which name a program on the PATH: bash < commands.txt",
        "bash < commands.txt > {output}",
        {"commands.txt": "tool\n"},
    ),
    (
        "program in settings",
        "a command runs a Python script that reads settings, which name a program on the PATH",
        "python run.py > {output}",
        {
            "run.py": "import json, subprocess\n"
            "subprocess.run([json.load(open('run.json'))['program']])\n",
            "run.json": '{"program": "tool"}\n',
        },
    ),
):
    rule = copies(command)
    programs = [{"../bin/tool": f"#!/bin/sh\necho {text}\n"} for text in ("one", "two")]
    case(
        name,
        title,
        Step(rule, "one\n", ["a"], files=ONE | files | programs[0], env=TOOLS),
        clone(rule, "one\n", env=TOOLS),
        clone(rule, "two\n", ["a"], files=programs[1], env=TOOLS),
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

R = copies("Rscript -e x > {output}")
case(
    "package of R",
    "a command runs R, for which another version of a package is installed",
    Step(
        R,
        "Version: 1\n",
        ["a"],
        files=ONE
        | {
            "../bin/Rscript": '#!/bin/sh\ngrep Version "${0%/bin/*}"/lib/R/*/p/DESCRIPTION\n',
            "../lib/R/library/p/DESCRIPTION": "Version: 1\n",
        },
        env=TOOLS,
    ),
    clone(R, "Version: 1\n", env=TOOLS),
    clone(
        R,
        "Version: 2\n",
        ["a"],
        change=all_of(
            delete("../lib/R/library/p"),
            write("../lib/R/library/p/DESCRIPTION", "Version: 2\n"),
        ),
        env=TOOLS,
    ),
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
XZ = shell(
    "mkdir -p $TMPDIR/xz; printf '#!/bin/sh\\nprintenv XZ_OPT\\n' > $TMPDIR/xz/xz; "
    "chmod +x $TMPDIR/xz/xz; PATH=$TMPDIR/xz:$PATH; xz > {output}"
)
case(
    "options of a program",
    "a variable that a program reads by itself changes: XZ_OPT",
    *by_variable(XZ, "XZ_OPT", "-0", "-9"),
    peer="wrong",
)
LIBRARIES = shell("python -c \"import os; print(os.environ['LD_LIBRARY_' + 'PATH'])\" > {output}")
case(
    "libraries of all programs",
    "programs find their libraries elsewhere: LD_LIBRARY_PATH",
    *by_variable(LIBRARIES, "LD_LIBRARY_PATH", "/no/1", "/no/2"),
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
for name, title, code, file in (
    (
        "composed name",
        "a Python script composes the name of a file of two parts: name + '.txt'",
        "name = 'side'\nprint(end=open(name + '.txt').read())\n",
        "side.txt",
    ),
    (
        "list without suffixes",
        "a Python script reads a list of files that have no suffix",
        "print(end=''.join(open(n.strip()).read() for n in open('list.txt')))\n",
        "side",
    ),
):
    scripts = {"run.py": code, "list.txt": "side\n"}
    steps = undeclared("python run.py > {output}", file, files=scripts)
    case(name, title, *steps, peer="wrong")

for name, title, files, rule in (
    (
        "declared list",
        "a list of files is declared as input, but not a file that it names: xargs -a",
        {"list.txt": "data/side.fa\n"},
        copies("xargs -a {input} cat > {output}", input="local('list.txt')"),
    ),
    (
        "declared sheet",
        "the same for a sheet of samples with a header, which names files from where it is",
        {"data/sheet.tsv": "sample\treads\none\tside.fa\n"},
        copies(
            "awk 'NR > 1 {{print $2}}' {input} | (cd data && xargs cat) > {output}",
            input="local('data/sheet.tsv')",
        ),
    ),
    (
        "declared settings",
        "the same for settings, which a `run:` block reads",
        {"settings.json": '{"reads": "data/side.fa"}\n'},
        """
rule a:
    input: local("settings.json")
    output: "x.txt"
    run:
        import json
        settings = json.load(open(input[0]))
        with open(output[0], "w") as file:
            file.write(open(settings["reads"]).read())
""",
    ),
):
    case(name, title, *rereads(rule, "data/side.fa", files=files), peer="wrong")
ALL = shell("env | grep ^VALUE= > {output}")
case(
    "all variables",
    "a command lists all environment variables, one of which changes: env | grep",
    Step(ALL, "VALUE=1\n", ["a"], env={"VALUE": "1"}),
    clone(ALL, "VALUE=2\n", ["a"], env={"VALUE": "2"}),
    peer="wrong",
)
for name, title, command, code in (
    (
        "replaced by sed",
        "a command makes the name of an undeclared file from that of an input: sed s/in/side/",
        "cat $(echo {input} | sed s/in/side/) > {output}",
        "",
    ),
    (
        "replaced by Python",
        "a Python script does the same by replace('in', 'side')",
        "python run.py {input} > {output}",
        "import sys\nprint(end=open(sys.argv[1].replace('in', 'side')).read())\n",
    ),
):
    steps = undeclared(command, "side.txt", files={"run.py": code})
    case(name, title, *steps, peer="wrong")
GIT = copies("python run.py > {output}")
ASKS_GIT = "import subprocess\nsubprocess.run(['git', 'symbolic-ref', '--short', 'HEAD'])\n"
REPOSITORY = {"run.py": ASKS_GIT, ".git/objects/x": "", ".git/refs/x": ""}
BRANCHES = [{".git/HEAD": f"ref: refs/heads/{name}\n"} for name in ("one", "two")]
case(
    "history of sources",
    "a Python script asks git for its branch: subprocess.run(['git', ...])",
    Step(GIT, "one\n", ["a"], files=ONE | REPOSITORY | BRANCHES[0]),
    clone(GIT, "two\n", ["a"], files=BRANCHES[1]),
    peer="wrong",
)
SEARCH = copies("grep -rh SIDE --include=*.tsv > {output}")
case(
    "search",
    "a command looks through all files in the working directory: grep -r",
    Step(SEARCH, "SIDE 1\n", ["a"], files=ONE | {"side.tsv": "SIDE 1\n"}),
    clone(SEARCH, "SIDE 2\n", ["a"], files={"side.tsv": "SIDE 2\n"}),
    peer="wrong",
)
LOGIN = copies("bash -lc 'echo $GIVEN' > {output}")
case(
    "profile of a shell",
    "a command starts a login shell, whose profile changes",
    Step(
        LOGIN,
        "one\n",
        ["a"],
        files=ONE | {"../.profile": "export GIVEN=one\n"},
        env={"HOME": "{root}"},
    ),
    clone(LOGIN, "one\n", env={"HOME": "{root}"}),
    clone(
        LOGIN,
        "two\n",
        ["a"],
        files={"../.profile": "export GIVEN=two\n"},
        env={"HOME": "{root}"},
    ),
    peer="wrong",
)
AT_HOME = "from pathlib import Path\nprint(end=(Path.home() / '.toolrc').read_text())\n"
case(
    "hidden file",
    "a Python script reads a file in the user's directory: Path.home() / '.toolrc'",
    *undeclared(
        "python run.py > {output}",
        "../.toolrc",
        files={"run.py": AT_HOME},
        env={"HOME": "{root}"},
    ),
    peer="wrong",
)
