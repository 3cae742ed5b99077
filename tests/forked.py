"""Snakemake as a process that begins where Snakemake's own modules are loaded already.

Loading them takes longer than most runs of the tests. Here a server loads them once, and each run
is a fork of it: a process of its own, with its own environment, directory and session, in which
``python -m snakemake`` goes on from there. It loads this package, and all that a run needs besides,
by itself. Tests in `plugin` and `cluster` start Snakemake as users do.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_COMMAND = [sys.executable, "-m", "snakemake"]
# What Python and its libraries read when they start.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_")


class Process:
    """A fork that runs; the same as `subprocess.Popen`, as far as tests need it.

    Attributes
    ----------
    pid : int
        Its id, and that of its process group.
    returncode : int or None
        How it ended; None as long as it runs.
    """

    def __init__(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self.args = [*_COMMAND, *arguments]
        self.returncode: int | None = None
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(_server())
        self._output, written = os.pipe()
        request = json.dumps([[*arguments], str(cwd), dict(env)]).encode() + b"\n"
        sent = socket.send_fds(self._socket, [request], [written])
        self._socket.sendall(request[sent:])
        os.close(written)
        self._said = self._socket.makefile("r")
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        """How it ended; None as long as it runs."""
        if self.returncode is None and select.select([self._socket], [], [], 0)[0]:
            self._note_end()
        return self.returncode

    def communicate(self, timeout: float = 600) -> tuple[str, None]:
        """Wait until it and all that has its output open have ended; give what they printed.

        Raises
        ------
        subprocess.TimeoutExpired
            If that takes longer than `timeout` seconds.
        """
        until = time.monotonic() + timeout
        parts = []
        while True:
            left = until - time.monotonic()
            if left < 0 or not select.select([self._output], [], [], left)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            if not (part := os.read(self._output, 1 << 16)):
                break
            parts.append(part)
        os.close(self._output)
        if self.returncode is None:
            self._note_end()
        return b"".join(parts).decode(), None

    def _note_end(self) -> None:
        self.returncode = int(self._said.readline())
        self._said.close()
        self._socket.close()


def start(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], prefix: Sequence[str] = ()
) -> Process | subprocess.Popen[str]:
    """Start Snakemake in a session of its own; what it prints goes to one pipe.

    Parameters
    ----------
    prefix : sequence of str
        A command that starts it.
    """
    names = {name for name in env.keys() | os.environ.keys() if name.startswith(_AT_START)}
    if not prefix and all(env.get(name) == os.environ.get(name) for name in names):
        return Process(arguments, cwd, env)
    return subprocess.Popen(
        [*prefix, *_COMMAND, *arguments],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def run(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake; give what it printed, and how it ended.

    Raises
    ------
    subprocess.TimeoutExpired
        If it hangs.
    """
    process = start(arguments, cwd, env)
    try:
        printed = process.communicate(timeout)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode is not None
    return subprocess.CompletedProcess(process.args, process.returncode, printed)


@cache
def _server() -> str:
    """The address of the server of this test process, which ends with it."""
    path = os.path.join(tempfile.mkdtemp(prefix="seqstore-snakemake-"), "socket")
    # Its standard input is closed when this process ends, however that comes.
    # By its path, the modules beside it would come before those of Python.
    program = f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    command = [sys.executable, "-c", program, path]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout and server.stdout.readline() == b"ready\n"
    _servers.append(server)
    return path


_servers: list[subprocess.Popen[bytes]] = []


def _serve(path: str) -> None:
    import docutils.core  # noqa: F401
    import jinja2  # noqa: F401
    import requests  # noqa: F401
    import smart_open  # noqa: F401
    import snakemake.cli  # noqa: F401
    import yte  # noqa: F401

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    os.write(1, b"ready\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while listener in select.select([listener, 0], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            _answer(connection)
        connection.close()
    os.unlink(path)
    os.rmdir(os.path.dirname(path))


def _answer(connection: socket.socket) -> None:
    """Fork once more, and say how that ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, (output,), *_ = socket.recv_fds(connection, 1 << 16, 1)
    while not request.endswith(b"\n"):
        request += connection.recv(1 << 16)
    if not (pid := os.fork()):
        connection.close()
        _become_snakemake(output, *json.loads(request))
        return
    os.close(output)
    connection.sendall(f"{pid}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):  # nobody may want to know any more
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _become_snakemake(output: int, arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, given in enumerate((nothing, output, output)):
        os.dup2(given, number)
    os.close(nothing)
    os.close(output)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    sys.path[0] = cwd
    sys.argv[1:] = arguments
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    _serve(sys.argv[1])
