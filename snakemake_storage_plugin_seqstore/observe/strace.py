"""The program that observes: strace, tried once, and how it is started."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from snakemake_storage_plugin_seqstore.observe.system_calls import TRACED

_OLDEST = (5, 3)  # the first with --seccomp-bpf
_INSTALL = "install strace 5.3 or newer, for example with conda-forge's or Debian's package strace"
_SECONDS = 10
# Of the others it is written down that they ended a process.
_HARMLESS = "CHLD,CONT,STOP,TSTP,TTIN,TTOU,URG,WINCH"

# strace stops a new thread at each of its calls until the first one that it traces. These are what
# threads begin with, in C and in Go: else one that only computes and waits for others is slow.
_FIRST_CALLS = ("set_robust_list", "sigaltstack")

# The job's shell keeps the process id, so signals, limits and benchmarks meet it and not the
# tracer. A process that is traced already belongs to an observation. No process is started here.
# With `-p`, bash reads no file of the user's and hands on variables whose names are no identifiers,
# as those of exported functions, which other shells drop. Options that the environment gives to
# shells are set again.
_SCRIPT = """#!{shebang} -p
while read -r _seqstore_key _seqstore_value; do
  case $_seqstore_key in TracerPid:) break ;; esac
done < /proc/self/status
case $_seqstore_value in 0) ;; *) exec {shell} "$@" ;; esac
set +p
if [[ ${{SHELLOPTS@a}} == *x* ]]; then
  while IFS= read -r -d '' _seqstore_value; do
    if [[ $_seqstore_value == SHELLOPTS=* ]]; then
      for _seqstore_key in ${{_seqstore_value//[:=]/ }}; do
        set -o "$_seqstore_key" 2>/dev/null
      done
    fi
  done < /proc/self/environ
fi
_seqstore_log=${{0%/*}}/$$
while [ -e "$_seqstore_log.log" ]; do _seqstore_log=$_seqstore_log.0; done
exec {command} -o "$_seqstore_log.log" {shell} "$@"
"""
_WRITE = 'umask 077; printf %s "$1" > "$2.$$" && chmod 700 "$2.$$" && mv "$2.$$" "$2"'


@dataclass(frozen=True)
class Observer:
    """What observes jobs here.

    Attributes
    ----------
    available : bool
        Whether jobs can be observed.
    reason : str
        Why not, and what to do; empty if they can.
    version : str
        ``strace 6.1``; empty if there is none.
    program : str
        Path of strace.
    shell : str
        Path of the real bash.
    options : tuple of str
        What this version of strace can do beyond what is needed.
    """

    available: bool
    reason: str = ""
    version: str = ""
    program: str = ""
    shell: str = ""
    options: tuple[str, ...] = ()

    def script_in(self, directory: Path) -> Path:
        """A script in a directory, made if it is missing: a link to it called ``bash`` is observed.

        The logs lie beside the link.
        """
        command = [self.program, "-DDD", "--seccomp-bpf", *self.options, *_options(*_FIRST_CALLS)]
        text = _SCRIPT.format(
            shebang=self.shell, command=shlex.join(command), shell=shlex.quote(self.shell)
        )
        script = directory / f"observed-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        if not script.exists():
            # Another process writes it: a file that this one has open for writing is busy while a
            # child that another thread has just started has it open too.
            subprocess.run(["/bin/sh", "-c", _WRITE, "sh", text, str(script)], check=True)
        return script

    def attach_command(self, pid: int, log: Path) -> list[str]:
        """How a running process is observed: all its threads, and what they start from now on."""
        return [self.program, *_options(), "-o", str(log), "-p", str(pid)]


def _options(*more: str) -> list[str]:
    # Times put several logs in order. Structures cost time and are left out but where they matter.
    return [
        *("-f", "-q", "-y", "-ttt", "-a1"),
        *("-e", f"signal=!{_HARMLESS}", "-e", "verbose=clone3,connect,openat2"),
        *("-e", "trace=" + ",".join(f"?{name}" for name in (*TRACED, *more))),
    ]


@functools.cache
def probe() -> Observer:
    """What observes jobs here: found and tried once in a process."""
    program, shell = shutil.which("strace"), shutil.which("bash")
    if program is None:
        return Observer(False, f"there is no strace here: {_INSTALL}")
    if shell is None:
        return Observer(False, "there is no bash on the PATH")
    return try_out(program, shell)


def try_out(program: str, shell: str) -> Observer:
    """What a given strace can do, found by running it.

    Parameters
    ----------
    program, shell : str
        Paths of strace and bash.
    """
    try:
        said = _run([program, "--version"]).stdout
        options = _run([program, "--help"]).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Observer(False, f"{program} does not run: {error}; {_INSTALL}")
    found = re.search(r"version (\d+)\.(\d+)\S*", said)
    if not found or (int(found[1]), int(found[2])) < _OLDEST:
        return Observer(False, f"{program} is too old: {_INSTALL}")
    version = f"strace {found[0].split()[1]}"
    extra = ("--kill-on-exit",) if "--kill-on-exit" in options else ()
    # Some versions know an option and refuse it beside the others.
    refused = ""
    for chosen in dict.fromkeys((extra, ())):
        observer = Observer(True, "", version, program, shell, chosen)
        refused = _refusal(observer)
        if not refused:
            return observer
    return Observer(False, f"strace can not observe here: {refused}", version)


def _refusal(observer: Observer) -> str:
    with tempfile.TemporaryDirectory(prefix="seqstore-observe-") as directory:
        script = Path(directory, "bash")
        try:
            script.symlink_to(observer.script_in(Path(directory)))
            process = _run([str(script), "-c", "test -e /"])
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        if process.returncode != 0:
            return process.stderr.strip() or f"exit code {process.returncode}"
        seen = "".join(log.read_text() for log in Path(directory).glob("*.log"))
        traced = Path("/proc/self/status").read_text().partition("TracerPid:")[2].split()[0] != "0"
        if not seen and not traced:
            return "it wrote nothing"
    return ""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL
    )
