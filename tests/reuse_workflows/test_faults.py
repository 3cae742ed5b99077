"""Runs in place that are killed at any moment, or whose disks are full: the next run is right.

No result is lost, and nothing half-made is taken for a result.
"""

import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings

from tests.reuse_workflows.conftest import IN_STORE, Project

pytestmark = pytest.mark.slow

TIMES = max(3, settings().max_examples // 25)  # of each kind
# What each job makes is there by half for a while.
RULES = """
    rule all:
        input: "out/c.txt", "sum.txt", "piped.txt", "folder", "many.txt"

    rule a:
        input: "in.txt"
        output: "out/a.txt"
        log: "logs/a.log"
        shell: "ran a; echo half > {output}; sleep .2; date > {log};"
            " (cat {input}; echo a) > {output}"

    rule t:
        input: "out/a.txt"
        output: temp("out/t.txt")
        shell: "ran t; echo half > {output}; sleep .2; (cat {input}; echo t) > {output}"

    rule c:
        input: "out/t.txt"
        output: "out/c.txt", "out/empty"
        shell: "ran c; echo half > {output[0]}; sleep .2; touch {output[1]};"
            " (cat {input}; echo c) > {output[0]}"

    rule d:
        input: "out/a.txt"
        output: directory("folder")
        shell: "ran d; mkdir {output}; echo half > {output}/x; sleep .2; cp {input} {output}/y;"
            " echo x > {output}/x"

    rule p:
        input: "in.txt"
        output: pipe("fifo")
        shell: "ran p; cat {input} > {output}"

    rule q:
        input: "fifo"
        output: "piped.txt"
        shell: "ran q; exec < {input}; echo half > {output}; sleep .2; tr a-z A-Z > {output}"

    rule u:
        input: "out/a.txt"
        output: update("sum.txt")
        shell: "ran u; echo half > {output}; sleep .2; (echo sum; cat {input}) > {output}"

    checkpoint many:
        input: "out/a.txt"
        output: directory("parts")
        shell: "ran many; mkdir {output}; echo half > {output}/1; sleep .2; cp {input} {output}/1;"
            " echo 2 > {output}/2"

    rule part:
        input: "parts/{n}"
        output: "done/{n}"
        shell: "ran part{wildcards.n}; echo half > {output}; (cat {input}; echo part) > {output}"

    def parts(wildcards):
        found = glob_wildcards(checkpoints.many.get().output[0] + "/{n,[0-9]+}").n
        return expand("done/{n}", n=sorted(found))

    rule gather:
        input: parts
        output: "many.txt"
        shell: "ran gather; echo half > {output}; sleep .2; cat {input} > {output}"
    """
RIGHT = {
    "out/a.txt": "in\na\n",
    "out/t.txt": "in\na\nt\n",
    "out/c.txt": "in\na\nt\nc\n",
    "out/empty": "",
    "folder/x": "x\n",
    "folder/y": "in\na\n",
    "sum.txt": "sum\nin\na\n",
    "piped.txt": "IN\n",
    "parts/1": "in\na\n",
    "parts/2": "2\n",
    "done/1": "in\na\npart\n",
    "done/2": "2\npart\n",
    "many.txt": "in\na\npart\n2\npart\n",
}
# What others find again, by job. A pipe is not kept; and what an update found there is gone if it
# was killed before it was noted that it ended.
MADE = {
    "a": "out/a.txt",
    "t": "out/t.txt",
    "c": "out/c.txt",
    "d": "folder",
    "p": "",
    "q": "piped.txt",
    "u": "",
    "many": "parts",
    "part1": "done/1",
    "part2": "done/2",
    "gather": "many.txt",
}
# In place of a module that Python imports at each start. After so many calls that change a disk, by
# all processes of a run, it is killed: Snakemake and its jobs, and the process that made the call.
TRAP = """
import builtins, io, os, signal

_counter = os.open(os.environ["TRAP"], os.O_RDWR | os.O_APPEND | os.O_CREAT)
_at = int(os.environ["TRAP_AT"])
_main = int(os.environ.setdefault("TRAP_GROUP", str(os.getpgid(0))))
_write, _fstat = os.write, os.fstat

def _count():
    _write(_counter, b".")
    if _fstat(_counter).st_size == _at:
        os.killpg(_main, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)

def _wrap(call):
    def wrapper(*args, **kwargs):
        _count()
        return call(*args, **kwargs)
    return wrapper

def _opening(call):
    def wrapper(path, flags, *args, **kwargs):
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            _count()
        return call(path, flags, *args, **kwargs)
    return wrapper

def _opening_file(call):
    def wrapper(file, mode="r", *args, **kwargs):
        if set(mode) & set("wxa+"):
            _count()
        return call(file, mode, *args, **kwargs)
    return wrapper

for name in "rename replace mkdir rmdir unlink remove link symlink chmod utime fsync write".split():
    setattr(os, name, _wrap(getattr(os, name)))
os.open = _opening(os.open)
builtins.open = io.open = _opening_file(builtins.open)
"""


def stored(project):
    """The contents of all that has a name in the store, by where it belongs; they are checked."""
    found = {}
    for name in project.store.under("files"):
        entry = project.store.find("files", name)
        if entry is None:
            continue
        project.store.verify(entry.version, name)
        if entry.version.kind == "file":
            found[name] = project.store.objects.path(entry.version.digest).read_text()
        else:
            for member in project.store.members(entry.version):
                path = project.store.objects.path(member.digest)
                found[f"{name}/{member.path}"] = path.read_text()
    return found


def check_stored(project):
    found = {place: text for place, text in stored(project).items() if place != "logs/a.log"}
    assert found == {place: RIGHT.get(place) for place in found}
    return found


def recorded(project):
    """The outputs that others can find."""
    store = project.store
    found = [record for key in store.records for record in store.find_records(key)]
    return {name for record in found for name in record.names}


def check_local(project):
    """What the workflow is asked for is there, and all that is there is right."""
    for place, text in RIGHT.items():
        is_wanted = place.startswith(("out/c", "sum", "piped", "folder", "many"))
        if is_wanted or (project.directory / place).exists():
            assert project.read(place) == text, place


@pytest.fixture
def begin(tmp_path, environment, programs):
    """Makes a project with the rules, in a directory of its own."""
    path = f"{programs}{os.pathsep}{environment['PATH']}"

    def make(name, store=None):
        where = tmp_path / str(name)
        project = Project(where / "work", store or where / "store", environment | {"PATH": path})
        project.count_in(project.directory / "computed")  # on the disk that may be full
        project.made = tuple({place.partition("/")[0] for place in RIGHT})
        project.write(RULES)
        project.write("in\n", "in.txt")
        project.write("before\n", "sum.txt")
        return project

    return make


def check_next_runs(project, is_shared=True):
    """After a fault: nothing half-made is in the store, and the next run makes what is missing.

    A clone has nothing to make but what was updated, unless the store refused something.
    """
    check_stored(project)
    before = recorded(project)
    project.run("--unlock", *IN_STORE)
    again = project.run(*IN_STORE, "--rerun-incomplete")
    check_local(project)
    check_stored(project)
    assert before.isdisjoint(MADE[job] for job in again.computed), again.printed
    rest = project.run(*IN_STORE)
    assert rest.did_nothing, again.printed + rest.printed
    clone = project.clone()
    done = clone.run(*IN_STORE)
    assert not is_shared or set(done.computed) <= {"u"}, done.printed
    check_local(clone)
    return again


@contextmanager
def noting(said):
    """Say of what fails how it came to that."""
    try:
        yield
    except BaseException as error:
        error.add_note(said)
        raise


def trapped(project, tmp_path, at):
    trap = tmp_path / "trap"
    trap.mkdir(exist_ok=True)
    (trap / "sitecustomize.py").write_text(TRAP)
    path = os.pathsep.join(filter(None, (str(trap), project.environment.get("PYTHONPATH"))))
    counter = project.directory.parent / "counter"
    counter.unlink(missing_ok=True)
    return project.environment | {"PYTHONPATH": path, "TRAP": str(counter), "TRAP_AT": str(at)}


def run_trapped(project, tmp_path, at, *words):
    usual = project.environment
    project.environment = trapped(project, tmp_path, at)
    try:
        return project.finish(project.start(*IN_STORE, *words))
    finally:
        project.environment = usual


def moments(project, tmp_path, *words):
    """Numbers of some of the calls of a run that change a disk."""
    done = run_trapped(project, tmp_path, -1, *words)
    assert done.status == 0, done.printed
    count = (project.directory.parent / "counter").stat().st_size
    chance = random.Random(TIMES)
    return [chance.randrange(1, count) for _ in range(TIMES)]


def test_a_run_that_is_killed_as_it_changes_a_disk(begin, tmp_path):
    for number, at in enumerate(moments(begin("whole"), tmp_path)):
        project = begin(number)
        done = run_trapped(project, tmp_path, at)
        assert done.status != 0, done.printed
        with noting(f"killed at call {at}"):
            check_next_runs(project)


def test_a_run_that_is_killed_at_any_time(begin):
    start = time.monotonic()
    begin("whole").run(*IN_STORE)
    seconds = time.monotonic() - start
    chance = random.Random(TIMES)
    for number in range(TIMES):
        project = begin(number)
        process = project.start(*IN_STORE)
        at = chance.uniform(seconds / 3, seconds)
        time.sleep(at)
        os.killpg(process.pid, signal.SIGKILL)
        project.finish(process)
        with noting(f"killed after {at} of {seconds} s"):
            check_next_runs(project)


def test_a_process_that_writes_to_the_store_is_killed(begin):
    """Snakemake does what it did not do."""
    project = begin("work")
    process = project.start(*IN_STORE)
    while process.poll() is None:
        for pid in writers(process.pid):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    done = project.finish(process)
    assert done.status == 0 and "was killed; this one" in done.printed, done.printed
    again = check_next_runs(project)
    assert again.computed == [], again.printed


def writers(parent):
    """The processes of a run that write to stores."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    for pid in map(int, found.stdout.split()):
        with suppress(OSError):
            if b"store.background" in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield pid


@pytest.fixture
def made_plainly(begin):
    """Makes a directory in which all was made without seqstore."""

    def make(name):
        project = begin(name)
        project.write(RULES, reuse=False)
        project.run(root=False)
        project.write(RULES)
        return project

    return make


def test_a_take_over_that_is_killed(made_plainly, tmp_path):
    whole = made_plainly("whole")
    numbers = moments(whole, tmp_path, "--touch")
    assert whole.run(*IN_STORE).did_nothing
    expected = whole.clone().run(*IN_STORE).computed
    for number, at in enumerate(numbers):
        project = made_plainly(number)
        done = run_trapped(project, tmp_path, at, "--touch")
        assert done.status != 0, done.printed
        with noting(f"killed at call {at}"):
            check_local(project)
            check_stored(project)
            project.run("--unlock", *IN_STORE)
            assert project.run(*IN_STORE, "--touch").computed == []
            rest = project.run(*IN_STORE)
            assert rest.did_nothing, rest.printed
            check_local(project)
            check_stored(project)
            assert project.clone().run(*IN_STORE).computed == expected


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small disk somewhere; gives what changes its size."""
    mounted = []

    def mount(place, size):
        place.mkdir(parents=True, exist_ok=True)
        options = f"{'remount,' if place in mounted else ''}size={size}k,mode=755"
        command = ["mount", "-t", "tmpfs", "-o", options, "none", place]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        if place not in mounted:
            mounted.append(place)

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


def used(place):
    """How many KiB a disk has in use."""
    found = os.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024


@pytest.mark.parametrize("full", ["store", "work", "both"])
def test_a_run_whose_disk_is_full(begin, tmp_path, small_disk, full):
    def begin_there(name, size):
        place = tmp_path / str(name) / ("" if full == "both" else full)
        small_disk(place, size)
        return begin(name), place

    project, place = begin_there("whole", 10_000)
    project.run(*IN_STORE)
    needed = used(place)
    chance = random.Random(TIMES)
    outcomes = set()
    for number in range(TIMES):
        size = chance.randrange(needed // 4, needed) // 4 * 4
        project, place = begin_there(number, size)
        process = project.start(*IN_STORE)
        printed = process.communicate()[0]
        began = project._computed()
        outcomes.add(process.returncode)
        small_disk(place, 10_000)
        with noting(f"with {size} of {needed} KiB: {began}\n{printed}"):
            assert process.returncode == 0 or "No space left on device" in printed
            # Where Snakemake's log cannot be written either, Python prints errors of logging.
            assert full != "store" or "Traceback" not in printed
            again = check_next_runs(project, is_shared=full == "work")
            if full == "store":
                assert process.returncode == 0 and again.computed == [], again.printed
    assert full == "store" or 1 in outcomes
