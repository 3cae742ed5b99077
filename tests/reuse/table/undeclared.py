"""What is not declared."""

from ..step import ONE, TOOLS, Step, Table, by_variable, clone, copies, shell, undeclared

CASES = Table()
case = CASES.case

case(
    "undeclared file",
    "a command names an undeclared file, whose content changes",
    *undeclared("cat side.txt > {output}", "side.txt"),
    peer="wrong",
)
PARAM_FILE = copies("cat {params.f} > {output}", "params: f='side.txt'")
case(
    "file as param",
    "a param names an undeclared file, whose content changes",
    Step(PARAM_FILE, "one\n", ["a"], files=ONE | {"side.txt": "one\n"}),
    clone(PARAM_FILE, "two\n", ["a"], files={"side.txt": "two\n"}),
    peer="wrong",
)
case(
    "undeclared script",
    "a command runs a script by its path, which is edited",
    Step(
        copies("bash tools/run.sh > {output}"),
        "one\n",
        ["a"],
        files=ONE | {"tools/run.sh": "echo one\n"},
    ),
    clone(
        copies("bash tools/run.sh > {output}"), "two\n", ["a"], files={"tools/run.sh": "echo two\n"}
    ),
    peer="wrong",
)
case(
    "file in quoted code",
    "code in quotes opens an undeclared file, whose content changes",
    *undeclared("python -c \"print(end=open('side.txt').read())\" > {output}", "side.txt"),
    peer="wrong",
)
case(
    "file that comes to be",
    "a command looks for an undeclared file, which comes to be",
    Step(copies("cat side.txt > {output} || echo none > {output}"), "none\n", ["a"], files=ONE),
    clone(
        copies("cat side.txt > {output} || echo none > {output}"),
        "side\n",
        ["a"],
        files={"side.txt": "side\n"},
    ),
    peer="wrong",
)
case(
    "file beside an input",
    "a command adds a suffix to an input: {input}.idx, which changes",
    *undeclared("cat {input}.idx > {output}", "in.txt.idx"),
    peer="wrong",
)
case(
    "file in the directory of an input",
    "a command reads what is beside an input: $(dirname {input})/side.txt",
    *undeclared("cat $(dirname {input})/side.txt > {output}", "side.txt"),
    peer="wrong",
)
case(
    "file by $PWD",
    "a command names an undeclared file by $PWD",
    *undeclared("cat $PWD/side.txt > {output}", "side.txt"),
    peer="wrong",
)
case(
    "file by $(pwd)",
    "a command names an undeclared file by $(pwd)",
    *undeclared("cat $(pwd)/side.txt > {output}", "side.txt"),
    peer="wrong",
)
case(
    "file below a changed directory",
    "a command changes to a directory and names an undeclared file from there",
    Step(
        copies("o=$PWD/{output}; cd p/q && cat ../side.txt > $o"),
        "one\n",
        ["a"],
        files=ONE | {"p/side.txt": "one\n", "p/q/r": ""},
    ),
    clone(
        copies("o=$PWD/{output}; cd p/q && cat ../side.txt > $o"),
        "two\n",
        ["a"],
        files={"p/side.txt": "two\n"},
    ),
    peer="wrong",
)
case(
    "file by variable",
    "a command composes the name of an undeclared file",
    *undeclared("f=side; cat $f.txt > {output}", "side.txt"),
    peer="wrong",
)
case(
    "file without suffix by variable",
    "a command composes the name of an undeclared file that has no suffix",
    *undeclared("for i in 1; do cat side$i; done > {output}", "side1"),
    peer="wrong",
)
case(
    "numbered file by variable",
    "a command composes the name of an undeclared file with a number for a suffix",
    *undeclared("for i in 1; do cat side.$i; done > {output}", "side.1"),
    peer="wrong",
)
GLOB = copies("cat parts/*.txt > {output}")
case(
    "glob",
    "a pattern in a command comes to match one more file",
    Step(GLOB, "1\n", ["a"], files=ONE | {"parts/1.txt": "1\n"}),
    clone(GLOB, "1\n2\n", ["a"], files={"parts/2.txt": "2\n"}),
    peer="wrong",
)
BARE_GLOB = copies("cat part* > {output}")
case(
    "bare glob",
    "the same with a pattern without slash or suffix",
    Step(BARE_GLOB, "1\n", ["a"], files=ONE | {"part1": "1\n"}),
    clone(BARE_GLOB, "1\n2\n", ["a"], files={"part2": "2\n"}),
    peer="wrong",
)
case(
    "printed name",
    "the name of an undeclared file is printed: $(printf side%02d.txt 7)",
    *undeclared("cat $(printf side%02d.txt 7) > {output}", "side07.txt"),
    peer="wrong",
)
case(
    "words of a variable",
    "an undeclared file is named among the words of a variable: $OPTIONS",
    *undeclared("cat $OPTIONS > {output}", "side.txt", env={"OPTIONS": "-u side.txt"}),
    peer="wrong",
)
case(
    "where a shell is",
    "a command names an undeclared file by $PWD, which a shell sets itself",
    *undeclared("cat $PWD/side.txt > {output}", "side.txt", env={"PWD": "/"}),
    peer="wrong",
)
BRACES = copies("cat part{{1,2}}.txt > {output}")
case(
    "braces",
    "braces in a command name an undeclared file, whose content changes",
    Step(BRACES, "1\n2\n", ["a"], files=ONE | {"part1.txt": "1\n", "part2.txt": "2\n"}),
    clone(BRACES, "1\n3\n", ["a"], files={"part2.txt": "3\n"}),
    peer="wrong",
)
for name, title, command, file in (
    (
        "two variables",
        "a command composes the name of an undeclared file of variables alone",
        "for s in side; do for e in txt; do cat $s.$e; done; done > {output}",
        "side.txt",
    ),
    (
        "path by variable",
        "a command composes the path of an undeclared file",
        "P=p/side; cat $P.txt > {output}",
        "p/side.txt",
    ),
    (
        "path from that of an input",
        "a command makes the path of an undeclared file from that of an input: ${i%.txt}",
        "i={input}; cat ${{i%.txt}}.idx > {output}",
        "in.idx",
    ),
    (
        "name from that of an input",
        "a command makes the name of an undeclared file from that of an input: $(basename ...)",
        "cat $(basename {input} .txt).idx > {output}",
        "in.idx",
    ),
    (
        "default of a variable",
        "an undeclared file is what a variable is when it is not set",
        "cat ${{UNSET:-side.txt}} > {output}",
        "side.txt",
    ),
    (
        "deep pattern",
        "a pattern in a command names an undeclared file some directories below: **",
        "shopt -s globstar; cat **/*.dat > {output}",
        "p/q/r/side.dat",
    ),
    (
        "extended pattern",
        "an extended pattern in a command names an undeclared file: !(a|b)",
        "shopt -s extglob\ncat p/!(a|b).txt > {output}",
        "p/side.txt",
    ),
    (
        "blank in a name",
        "an undeclared file has a blank in its name, and a comment has an apostrophe",
        'cat "a side.txt" > {output} # don\'t',
        "a side.txt",
    ),
    (
        "blank in nested quotes",
        "an undeclared file has a blank in its name, in quotes within quotes",
        "bash -c 'cat \"a side.txt\"' > {output}",
        "a side.txt",
    ),
    (
        "escaped quotes",
        "a command names an undeclared file in escaped quotes",
        'bash -c "cat \\"side.txt\\"" > {output}',
        "side.txt",
    ),
    (
        "comma in an option",
        "a command names an undeclared file with a comma in its name by an option",
        "f() {{ cat ${{1#--x=}}; }}; f --x=a,side.txt > {output}",
        "a,side.txt",
    ),
):
    case(name, title, *undeclared(command, file), peer="wrong")
FIND = copies("find -name side.dat | xargs cat > {output}")
case(
    "find without directory",
    "a command finds an undeclared file in the working directory, into which the workflow writes",
    Step(FIND, "one\n", ["a"], files=ONE | {"p/side.dat": "one\n"}),
    clone(FIND, "one\n"),
    clone(FIND, "two\n", ["a"], files={"p/side.dat": "two\n"}),
    peer="wrong",
)
PREFIX = copies("cat $(ls {params.index}.*) > {output}", "params: index='ref/genome'")
case(
    "index by its prefix",
    "a param is what the paths of undeclared files begin with, one of which changes",
    Step(
        PREFIX, "1\n2\n", ["a"], files=ONE | {"ref/genome.1.bt2": "1\n", "ref/genome.2.bt2": "2\n"}
    ),
    clone(PREFIX, "1\n2\n"),
    clone(PREFIX, "1\n3\n", ["a"], files={"ref/genome.2.bt2": "3\n"}),
    peer="wrong",
)
TOOL = copies("tool > {output}")
case(
    "program",
    "a program on the PATH changes",
    Step(TOOL, "one\n", ["a"], files=ONE | {"../bin/tool": "#!/bin/sh\necho one\n"}, env=TOOLS),
    clone(TOOL, "one\n", env=TOOLS),
    clone(TOOL, "two\n", ["a"], files={"../bin/tool": "#!/bin/sh\necho two\n"}, env=TOOLS),
    peer="wrong",
)
BY_VARIABLE = copies("$TOOL > {output}")
case(
    "program by variable",
    "a program on the PATH changes that a variable names",
    Step(
        BY_VARIABLE,
        "one\n",
        ["a"],
        files=ONE | {"../bin/tool": "#!/bin/sh\necho one\n"},
        env=TOOLS | {"TOOL": "tool -v"},
    ),
    clone(BY_VARIABLE, "one\n", env=TOOLS | {"TOOL": "tool -v"}),
    clone(
        BY_VARIABLE,
        "two\n",
        ["a"],
        files={"../bin/tool": "#!/bin/sh\necho two\n"},
        env=TOOLS | {"TOOL": "tool -v"},
    ),
    peer="wrong",
)
case(
    "program of a program",
    "a program on the PATH is a shell script that runs another one, which changes",
    Step(
        TOOL,
        "one\n",
        ["a"],
        files=ONE
        | {"../bin/tool": "#!/bin/sh\nexec tool-1\n", "../bin/tool-1": "#!/bin/sh\necho one\n"},
        env=TOOLS,
    ),
    clone(TOOL, "one\n", env=TOOLS),
    clone(TOOL, "two\n", ["a"], files={"../bin/tool-1": "#!/bin/sh\necho two\n"}, env=TOOLS),
    peer="wrong",
)
IMPORTING = copies("python tools/run.py > {output}")
case(
    "module of an undeclared script",
    "a command runs a Python script, and a module that it imports changes",
    Step(
        IMPORTING,
        "one\n",
        ["a"],
        files=ONE
        | {"tools/run.py": "import helper\nprint(helper.x)\n", "tools/helper.py": "x = 'one'\n"},
    ),
    clone(IMPORTING, "two\n", ["a"], files={"tools/helper.py": "x = 'two'\n"}),
    peer="wrong",
)
ENVVARS = "envvars: 'VALUE'\n" + shell("echo $VALUE > {output}")
case(
    "declared variable",
    "an environment variable that is declared by envvars changes",
    Step(ENVVARS, "1\n", ["a"], env={"VALUE": "1"}),
    clone(ENVVARS, "2\n", ["a"], env={"VALUE": "2"}),
    peer="wrong",
)
case(
    "undeclared variable",
    "an environment variable that a command names changes",
    *by_variable(shell("echo $VALUE > {output}"), "VALUE", "1", "2"),
    peer="wrong",
)
case(
    "variable by printenv",
    "the same without a dollar sign",
    Step(shell("printenv VALUE > {output}"), "1\n", ["a"], env={"VALUE": "1"}),
    clone(shell("printenv VALUE > {output}"), "2\n", ["a"], env={"VALUE": "2"}),
    peer="wrong",
)
case(
    "locale",
    "the locale changes, on which the order of sorted lines depends",
    Step(
        shell("locale 2>&1 | grep -c xx_XX.UTF-8 > {output} || true"),
        "0\n",
        ["a"],
        env={"LC_ALL": "C"},
    ),
    clone(
        shell("locale 2>&1 | grep -c xx_XX.UTF-8 > {output} || true"),
        lambda results: int(results[-1]) > 0,
        ["a"],
        env={"LC_ALL": "xx_XX.UTF-8"},
    ),
    peer="wrong",
)
case(
    "characters by locale",
    "a locale without UTF-8 takes its place, and characters are counted",
    Step(shell("printf 'ä' | wc -m > {output}"), "1\n", ["a"], env={"LC_ALL": "C.UTF-8"}),
    clone(shell("printf 'ä' | wc -m > {output}"), "2\n", ["a"], env={"LC_ALL": "C"}),
    peer="wrong",
)
EXPORTED = "BASH_FUNC_given%%"
case(
    "exported function",
    "a command calls a function that the user's shell exports, which changes",
    Step(shell("given > {output}"), "1\n", ["a"], env={EXPORTED: "() {{  echo 1\n}}"}),
    clone(shell("given > {output}"), "2\n", ["a"], env={EXPORTED: "() {{  echo 2\n}}"}),
    peer="wrong",
)
case(
    "time zone",
    "the time zone changes",
    Step(shell("date -d @0 +%H > {output}"), "00\n", ["a"], env={"TZ": "UTC"}),
    clone(shell("date -d @0 +%H > {output}"), "09\n", ["a"], env={"TZ": "UTC-9"}),
    peer="wrong",
)
BASEDIR = copies("cat {workflow.basedir}/side.txt > {output}")
case(
    "file of the workflow",
    "a command names an undeclared file in the workflow's own directory, which changes",
    Step(BASEDIR, "one\n", ["a"], files=ONE | {"side.txt": "one\n"}),
    clone(BASEDIR, "one\n"),
    clone(BASEDIR, "two\n", ["a"], files={"side.txt": "two\n"}),
    peer="wrong",
)
WORKDIR = "import os\nD = os.getcwd()\n" + copies("cat {D}/{input} > {output}")
case(
    "working directory in command",
    "a command names the working directory, which is another one in a clone",
    Step(WORKDIR, "one\n", ["a"], files=ONE),
    clone(WORKDIR, "one\n"),
    peer="right",
)
