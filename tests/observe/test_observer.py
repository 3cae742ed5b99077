"""How jobs are observed: who is whose parent, what happens when one of them dies."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.observe import (
    NotObserved,
    Observation,
    ObserverDied,
    probe,
    strace,
)

from .test_commands import seen


def tracer_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_shell_is_the_child_and_the_tracer_stands_apart(tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    command = f"cat /proc/self/stat > {tmp_path}/stat; echo $$ $PPID > {tmp_path}/pids; sleep 60"
    process = subprocess.Popen([observation.shell, "-c", command], process_group=0)
    wait_for(tmp_path / "pids")
    time.sleep(0.05)
    assert (tmp_path / "pids").read_text().split() == [str(process.pid), str(os.getpid())]
    tracer = tracer_of(process.pid)
    assert os.getsid(tracer) == tracer != os.getsid(process.pid)
    os.killpg(process.pid, signal.SIGTERM)  # meets the job, not its observer
    assert process.wait() == -signal.SIGTERM
    assert str(tmp_path / "stat") in observation.finish().paths


def test_a_thread_that_asks_for_no_files_is_not_stopped(tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    program = """if True:
        import os, resource, threading
        thread = threading.Thread(target=lambda: [os.getppid() for _ in range(20_000)])
        thread.start()
        thread.join()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw)
    """
    command = shlex.join([sys.executable, "-c", program])
    waits = subprocess.check_output([observation.shell, "-c", command])
    observation.finish()
    assert int(waits) < 10_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_job_that_a_signal_ends(number: int, tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    # While bash waits for a program, a signal is that program's.
    command = (
        f"cat /etc/hostname > {tmp_path}/y; : > {tmp_path}/x; : > {tmp_path}/z; while :; do :; done"
    )
    process = subprocess.Popen([observation.shell, "-c", command], process_group=0)
    wait_for(tmp_path / "z")  # then the call that made the other file has ended
    process.send_signal(number)
    assert process.wait(20) == -number
    assert observation.finish().paths[f"{tmp_path}/x"].written


def test_an_observer_that_dies(tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    command = f"echo > {tmp_path}/begun; read x; test -e / || echo wrong; exit 0"
    process = subprocess.Popen(
        [observation.shell, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    wait_for(tmp_path / "begun")
    if not probe().options:
        tracer = tracer_of(process.pid)
        os.kill(tracer, signal.SIGKILL)
        while tracer_of(process.pid):
            time.sleep(0.01)
        assert process.communicate(b"x\n")[0] == b"wrong\n"  # that is why it must be noticed
        assert process.returncode == 0
    else:  # it takes the job with it
        os.kill(tracer_of(process.pid), signal.SIGKILL)
        process.communicate(b"x\n")
        assert process.returncode == -signal.SIGKILL
    with pytest.raises(ObserverDied, match="strace killed"):
        observation.finish()
    assert os.listdir(tmp_path / "o") == ["bash"]


def test_nothing_observed(tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    with pytest.raises(NotObserved):
        observation.finish()
    assert os.listdir(tmp_path / "o") == ["bash"]


def test_observed_processes_start_no_second_observer(tmp_path: Path, run) -> None:
    inner = Observation(probe(), tmp_path / "inner")
    accesses = run(f"{inner.shell} -c 'cat a.txt'")
    assert str(tmp_path / "work" / "a.txt") in accesses.paths
    with pytest.raises(NotObserved):
        inner.finish()


def test_several_shells_of_one_job_are_one_story(tmp_path: Path, work: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")

    def shell(command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([observation.shell, "-c", command], cwd=work)

    assert shell("cat a.txt > x").wait() == 0
    first = shell("while test ! -e go; do :; done; cat y")
    assert shell("cat b.txt x > y; echo > go").wait() == 0
    assert first.wait() == 0
    accesses = observation.finish()
    assert seen(accesses, work, "read") == {"a.txt", "b.txt"}


def test_each_observation_belongs_to_its_job(tmp_path: Path) -> None:
    def job(number: int) -> set[str]:
        observation = Observation(probe(), tmp_path / f"o{number}")
        (tmp_path / f"{number}.txt").write_text("x")
        command = f"sleep 0.0{number % 3}; cat {number}.txt > {number}.out"
        subprocess.run([observation.shell, "-c", command], cwd=tmp_path, check=True)
        return seen(observation.finish(), tmp_path, "read")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(job, range(20))) == [{f"{number}.txt"} for number in range(20)]


ATTACH = """
import os, subprocess, sys, threading
from pathlib import Path
from snakemake_storage_plugin_seqstore.observe import Observation, ObserverDied, probe
open("before.txt").close()
observation = Observation(probe(), Path(sys.argv[1]))
ready, go = threading.Event(), threading.Event()
def other():
    ready.set(); go.wait(); open("thread.txt").close()
thread = threading.Thread(target=other); thread.start(); ready.wait()
observation.attach()
open("own.txt").close()
subprocess.run([observation.shell, "-c", "cat child.txt"], check=True)
go.set(); thread.join()
if len(sys.argv) > 2:
    status = Path("/proc/self/status").read_text()
    os.kill(int(status.partition("TracerPid:")[2].split()[0]), 9)
    while "TracerPid:\\t0" not in Path("/proc/self/status").read_text(): pass
try:
    if len(sys.argv) == 2:
        observation.detach()
    open("after.txt").close()
    print(*[os.path.basename(path) for path, access in observation.finish().paths.items()
            if access.read and path.endswith(".txt")])
except ObserverDied:
    print("died")
print(os.listdir(sys.argv[1]), "TracerPid:\\t0" in Path("/proc/self/status").read_text())
"""


@pytest.mark.parametrize("arguments", [(), ("killed",)])
def test_attach(arguments: tuple[str, ...], tmp_path: Path) -> None:
    tmp_path /= 'jürg "x"'  # strace writes such names in its own way
    tmp_path.mkdir()
    for name in ("before", "own", "child", "thread", "after"):
        (tmp_path / f"{name}.txt").write_text("")
    process = subprocess.run(
        [sys.executable, "-c", ATTACH, str(tmp_path / "o"), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.stderr == ""
    said = "died" if arguments else "own.txt child.txt thread.txt"
    assert process.stdout == f"{said}\n['bash'] True\n"


def test_attach_where_it_is_forbidden(tmp_path: Path) -> None:
    fake = tmp_path / "strace"
    fake.write_text("#!/bin/sh\necho 'ptrace: Operation not permitted' >&2\nexit 1\n")
    fake.chmod(0o700)
    observation = Observation(strace.Observer(True, program=str(fake)), tmp_path / "o")
    with pytest.raises(NotObserved, match="not permitted"):
        observation.attach()
    observation.discard()


FAKES = {
    "echo 'strace -- version 4.9'": "too old",
    "echo 'strace -- version 6.1'; case $1 in --*) exit 0;; esac; echo 'no ptrace' >&2; exit 1":
        "no ptrace",
    "exit 0": "too old",
    "echo 'strace -- version 6.1'; case $1 in --*) exit 0;; esac; exit 0": "wrote nothing",
}  # fmt: skip


@pytest.mark.parametrize("text", FAKES)
def test_an_observer_that_can_not_be_used(text: str, tmp_path: Path) -> None:
    fake = tmp_path / "strace"
    fake.write_text(f"#!/bin/sh\n{text}\n")
    fake.chmod(0o700)
    observer = strace.try_out(str(fake), "/bin/bash")
    assert not observer.available
    assert FAKES[text] in observer.reason


def test_options_of_newer_versions_are_used_where_they_work(tmp_path: Path) -> None:
    real = probe().program
    for says, works in [(True, True), (True, False), (False, True)]:
        fake = tmp_path / "strace"
        fake.write_text(
            "#!/bin/sh\n"
            f"""case "$*" in --help) echo {"--kill-on-exit" if says else ""}; exit;; esac\n"""
            f"""case $3 in --kill-on-exit) shift 3; set -- -DDD --seccomp-bpf "$@"; """
            f"""{":" if works else "exit 1"};; esac\nexec {real} "$@"\n"""
        )
        fake.chmod(0o700)
        observer = strace.try_out(str(fake), "/bin/bash")
        assert observer.available, observer.reason
        assert observer.options == (("--kill-on-exit",) if says and works else ())


def test_probe() -> None:
    assert probe().available, probe().reason
    assert probe() is probe()
    assert threading.active_count() < 50
