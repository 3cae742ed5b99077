"""The one table of programs that run a script, or another program, that they are given."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Interpreter:
    """A program that runs a script.

    Parameters
    ----------
    language : str
        Of the script.
    values : str
        Options that take a value, separated by blanks.
    inline : str
        Those whose value is code.
    module : str
        The one whose value is a module.
    script : str
        Those whose value is a script.
    is_first : bool
        Whether the first argument is a script, unless an option gives code or a script.
    """

    language: str
    values: str = ""
    inline: str = ""
    module: str = ""
    script: str = ""
    is_first: bool = True


@dataclass(frozen=True)
class Runner:
    """A program that runs another one, whose name and arguments it is given.

    Parameters
    ----------
    values : str
        Options that take a value.
    skipped : int
        Number of arguments before the other program.
    after : str
        Words, one of which stands before the other program; it is none without.
    is_text : bool
        Whether the other's arguments are a text for a shell, up to ``:::``.
    """

    values: str = ""
    skipped: int = 0
    after: str = ""
    is_text: bool = False


_SHELL = Interpreter("bash", values="-o -O +o +O --rcfile --init-file", inline="-c")
_AWK = Interpreter("awk", values="-F -v -i -l", script="-f --file", is_first=False)
_NODE = Interpreter("node", values="-r --require", inline="-e -p --eval --print")
_CONDA = Runner(values="-n -p --name --prefix --cwd", after="run")
_MPI = Runner(values="-n -np -c -N -H --host --hostfile --map-by --bind-to")

INTERPRETERS = {
    **dict.fromkeys(("python", "pypy"), Interpreter("python", "-W -X", inline="-c", module="-m")),
    "Rscript": Interpreter("R", inline="-e"),
    "R": Interpreter("R", inline="-e", script="-f --file", is_first=False),
    **dict.fromkeys(("bash", "sh", "dash", "zsh", "ksh"), _SHELL),
    "perl": Interpreter("perl", values="-I -M", inline="-e -E"),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _AWK),
    "sed": Interpreter("sed", values="-e -l", script="-f --file", is_first=False),
    "java": Interpreter(
        "java", values="-cp -classpath --class-path", script="-jar", is_first=False
    ),
    "julia": Interpreter("julia", values="-p -t -J -L -C --procs", inline="-e -E"),
    **dict.fromkeys(("node", "nodejs"), _NODE),
    "ruby": Interpreter("ruby", values="-I -r -E", inline="-e"),
    "php": Interpreter("php", values="-d -c", inline="-r", script="-f"),
    "lua": Interpreter("lua", values="-l", inline="-e"),
    "tclsh": Interpreter("tcl", values="-encoding"),
    "gnuplot": Interpreter("gnuplot", inline="-e"),
    "octave": Interpreter("octave", values="-p", inline="--eval"),
}
RUNNERS = {
    "env": Runner("-u -C -S --unset --chdir"),
    "time": Runner("-f -o --format --output"),
    "nice": Runner("-n --adjustment"),
    "ionice": Runner("-c -n -p"),
    "timeout": Runner("-k -s --kill-after --signal", skipped=1),
    "stdbuf": Runner("-i -o -e"),
    "taskset": Runner(skipped=1),
    "chrt": Runner(skipped=1),
    "flock": Runner("-w -E", skipped=1),
    "numactl": Runner("-m -N -C -i"),
    **dict.fromkeys(("nohup", "setsid", "exec", "builtin", "unbuffer"), Runner()),
    "command": Runner("-v -V"),
    **dict.fromkeys(("sudo", "doas"), Runner("-u -g -C -p")),
    "xargs": Runner("-I -n -P -L -d -E -s -a --max-args --max-procs --delimiter --arg-file"),
    "parallel": Runner("-j -a --jobs --colsep -C --joblog --tmpdir -I -n -N", is_text=True),
    "find": Runner(after="-exec -execdir -ok -okdir"),
    "strace": Runner("-e -o -p -s"),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _CONDA),
    **dict.fromkeys(("pixi", "uv", "poetry"), Runner("-e -p --environment", after="run")),
    **dict.fromkeys(("mpirun", "mpiexec", "srun"), _MPI),
}
CONTAINERS = frozenset(
    ("docker", "podman", "singularity", "apptainer", "udocker", "shifter", "charliecloud", "ch-run")
)
NAMES_VARIABLES = frozenset(("printenv",))  # its arguments are variables
ALL_VARIABLES = "*"  # stands for all of them
LISTS_VARIABLES = frozenset(("env", "printenv"))  # without arguments they list all
# What a shell does itself; `time` is a word of its grammar.
_BUILTINS = """
    . : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare
    dirs disown echo enable eval exec exit export false fc fg getopts hash help history jobs kill
    let local logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt
    source suspend test time times trap true type typeset ulimit umask unalias unset wait
"""
BUILTINS = frozenset(_BUILTINS.split())


def plain_name(program: str) -> str:
    """The name of a program without its directory and version: ``python`` of ``bin/python3.11``."""
    name = os.path.basename(program)
    return name.rstrip("0123456789.") or name


def interpreter(program: str) -> Interpreter | None:
    """The interpreter of a name; None if it is none."""
    return INTERPRETERS.get(plain_name(program))
