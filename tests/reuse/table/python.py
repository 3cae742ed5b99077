"""Run blocks, scripts and wrappers."""

from ..step import TOOLS, Step, Table, clone, delete, write

CASES = Table()
case = CASES.case

RUN = """\
def outer():
    return {outer}
rule a:
    output: 'x.txt'
    run:
        def nested():
            return {nested}
        total = {start} + \\
            {more}
        with open(output[0], 'w') as file:
            print(outer(), nested(), total, file=file)
"""


def edited_run(title: str, result: str, **change: int) -> None:
    values = {"outer": 1, "nested": 1, "start": 1, "more": 1}
    case(
        title,
        f"in a `run:` block, {title} is edited",
        Step(RUN.format(**values), "1 1 2\n", ["a"]),
        clone(RUN.format(**values | change), result, ["a"]),
        peer="wrong",
    )


edited_run("a function that it calls", "2 1 2\n", outer=2)
edited_run("a nested function", "1 2 2\n", nested=2)
edited_run("a continuation line", "1 1 3\n", more=2)
case(
    "unchanged run block",
    "a `run:` block in a clone",
    Step(RUN.format(outer=1, nested=1, start=1, more=1), "1 1 2\n", ["a"]),
    clone(RUN.format(outer=1, nested=1, start=1, more=1), "1 1 2\n"),
    peer="right",
)
READING = """\
import helpers
rule a:
    output: 'x.txt'
    run: open(output[0], 'w').write(helpers.read())
"""
READS = {"helpers.py": "def read(): return open('side.txt').read()\n", "side.txt": "one\n"}
case(
    "file of a module",
    "in a `run:` block, a function of a local module reads an undeclared file, which changes",
    Step(READING, "one\n", ["a"], files=READS),
    clone(READING, "one\n"),
    clone(READING, "two\n", ["a"], files={"side.txt": "two\n"}),
)
PUT = """\
import helpers
helpers.Settings.k = {}
rule a:
    output: 'x.txt'
    run: print(helpers.f(), file=open(output[0], 'w'))
"""
SETTINGS = {"helpers.py": "class Settings:\n    k = 0\ndef f(): return Settings.k\n"}
case(
    "setting put into a module",
    "a Snakefile puts a setting into a class of a local module, which a `run:` block uses",
    Step(PUT.format(1), "1\n", ["a"], files=SETTINGS),
    clone(PUT.format(1), "1\n"),
    clone(PUT.format(2), "2\n", ["a"]),
)
EDITED = """\
configfile: 'conf.yaml'
rule first:
    output: 'first.txt'
    shell: 'tool; echo > {output}'
rule a:
    input: 'first.txt'
    output: 'x.txt'
    run: print(config['num'], file=open(output[0], 'w'))
"""
case(
    "config edited meanwhile",
    "the config changes while the workflow runs, before a `run:` block that reads it",
    Step(
        EDITED,
        "2\n",
        ["first", "a"],
        files={
            "conf.yaml": "num: 1\n",
            "../bin/tool": '#!/bin/sh\nif test -e "$0-broken"; then echo num: 2 > conf.yaml; fi\n',
        },
        env=TOOLS,
        change=write("../bin/tool-broken", ""),
    ),
    clone(EDITED, "1\n", ["a"], env=TOOLS, change=delete("../bin/tool-broken")),
)
SCRIPT = "rule a:\n    output: 'x.txt'\n    script: 'scripts/a.py'\n"
PRINT = """\
import helper
print(helper.x, snakemake.config.get('kk'), file=open(snakemake.output[0], 'w'))
"""
SCRIPTS = {"scripts/a.py": PRINT, "scripts/helper.py": "x = 1\n"}
case(
    "unchanged script",
    "a `script:` in a clone",
    Step(SCRIPT, "1 None\n", ["a"], files=SCRIPTS),
    clone(SCRIPT, "1 None\n"),
    peer="right",
)
case(
    "edited script",
    "a `script:` is edited",
    Step(SCRIPT, "1 None\n", ["a"], files=SCRIPTS),
    clone(SCRIPT, "2 None\n", ["a"], files={"scripts/a.py": PRINT.replace("helper.x", "2")}),
    peer="right",
)
case(
    "edited module",
    "a local module that a `script:` imports is edited",
    Step(SCRIPT, "1 None\n", ["a"], files=SCRIPTS),
    clone(SCRIPT, "2 None\n", ["a"], files={"scripts/helper.py": "x = 2\n"}),
    peer="wrong",
)
case(
    "config read by script",
    "a `script:` reads config, which changes",
    Step(SCRIPT, "1 3\n", ["a"], files=SCRIPTS, args=["--config", "kk=3"]),
    clone(SCRIPT, "1 4\n", ["a"], args=["--config", "kk=4"]),
    peer="wrong",
)
WRAPPER = "rule a:\n    output: 'x.txt'\n    wrapper: f'file://{workflow.basedir}/w'\n"
case(
    "edited wrapper",
    "a `wrapper:` is edited",
    Step(
        WRAPPER,
        "1\n",
        ["a"],
        files={
            "w/wrapper.py": "print(1, file=open(snakemake.output[0], 'w'))\n",
            "w/environment.yaml": "channels: [conda-forge]\ndependencies: [python]\n",
        },
    ),
    clone(
        WRAPPER,
        "2\n",
        ["a"],
        files={"w/wrapper.py": "print(2, file=open(snakemake.output[0], 'w'))\n"},
    ),
    peer="right",
)
