"""Writing in a process of its own, as programs use it that end, fail or are killed."""

import contextlib
import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import Record, Store, filesystem
from snakemake_storage_plugin_seqstore.store.background import Background, Task, pack, run

NAMES = 200
PROGRAM = f"""
import sys, time
from pathlib import Path
from snakemake_storage_plugin_seqstore.store import Store
from snakemake_storage_plugin_seqstore.store.background import Background, Task, pack

store = Store(sys.argv[1])
version = store.add(Path(sys.argv[2]))
background = Background()
for number in range({NAMES}):
    arguments = ("files", f"n{{number}}", version, "")
    background.submit(pack([Task((str(store.root),), Store.assign, arguments, "it")]))
print("submitted", flush=True)
exec(sys.argv[3])
"""


@pytest.fixture
def program(store, make):
    """Starts programs that submit names, and then do what they are told."""

    with contextlib.ExitStack() as started:
        yield lambda then: started.enter_context(_start(store, make, then))


@contextlib.contextmanager
def _start(store, make, then):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store.root), str(make()), then],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "submitted\n"
        yield process


@pytest.fixture
def background():
    """One that is used in this process."""
    return Background()


def told(caplog, number):
    """The messages, as soon as there are so many."""
    caplog.set_level(logging.WARNING)
    for _ in range(2400):
        if len(caplog.messages) >= number:
            break
        time.sleep(0.05)
    return caplog.messages


def assign(store, version, name):
    return Task((str(store.root),), Store.assign, ("files", name, version, ""), f"files/{name}")


def test_a_program_ends_after_its_tasks(store, program):
    assert program("pass").wait() == 0
    assert len(list(store.under("files"))) == NAMES


def test_a_program_that_fails_ends_after_its_tasks(store, program):
    process = program("raise SystemExit(3)")
    assert process.wait() == 3
    assert len(list(store.under("files"))) == NAMES


def test_an_interrupt_does_not_keep_tasks_from_running(store, program):
    process = program("time.sleep(600)")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() != 0
    assert len(list(store.under("files"))) == NAMES


def test_tasks_run_though_the_program_was_killed(store, program):
    process = program("time.sleep(600)")
    process.kill()
    printed = process.stderr.read()  # until the last process that may write there has ended
    assert len(list(store.under("files"))) == NAMES
    assert printed == ""


def test_a_program_that_was_forked_does_not_hold_it_up(store, program):
    process = program(
        "import os\nif not os.fork():\n os.close(1); os.close(2); time.sleep(600); os._exit(0)"
    )
    try:
        assert process.wait(60) == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert len(list(store.under("files"))) == NAMES


def test_a_program_that_was_forked_does_not_end_it(store, program):
    process = program(
        "import os\nif pid := os.fork(): os.waitpid(pid, 0)\nelse: sys.exit()\n"
        'arguments = ("files", "after", version, "")\n'
        'background.submit(pack([Task((str(store.root),), Store.assign, arguments, "it")]))'
    )
    assert process.wait() == 0
    assert len(list(store.under("files"))) == NAMES + 1


def test_another_store_is_taken_only_if_one_may_not_be_written(store, make, background, caplog):
    foreign = str(make(name="foreign/file").parent)
    task = Task((foreign, str(store.root)), Store.add, (make(),), "it")
    background.submit(pack([task]))
    (message,) = told(caplog, 1)
    assert "others cannot reuse it: " in message and "is not a store" in message
    background.submit(pack([Task((foreign,), Store.add, (make(),), "that")]))
    assert len(told(caplog, 2)) == 2
    assert not store.root.exists()


def test_a_store_that_refuses_is_told_of_once(tmp_path):
    done, messages, refused = [], [], set()

    def add(store, name):
        if store.root.name == "full":
            raise StoreError("it is full") from OSError(errno.ENOSPC, "No space left on device")
        done.append(name)

    roots = (str(tmp_path / "full"), str(tmp_path / "own"))
    for names in ("ab", "c"):
        tasks = [Task(roots, add, (name,), name) for name in names]
        run(tasks, messages.append, refused)
    assert done == ["a", "b", "c"]
    (message,) = messages
    assert "it is full" in message and f"in {tmp_path / 'own'}" in message


def test_modules_of_a_workflow_may_be_called_as_those_of_python(
    store, make, background, caplog, tmp_path, monkeypatch
):
    for name in ("pickle", "logging", "runpy"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        (tmp_path / f"scripts/{name}.py").write_text("raise SystemExit('this is not it')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "scripts"), *sys.path])
    monkeypatch.chdir(tmp_path / "scripts")
    background.submit(pack([Task((str(store.root),), Store.add, (make(),), "it")]))
    background.submit(pack([Task((str(tmp_path),), Store.add, (make(),), "told when all is done")]))
    (message,) = told(caplog, 1)
    assert "told when all is done" in message
    assert store.root.exists()


def test_a_task_that_fails_is_told_of_and_the_next_one_runs(store, make, background, caplog):
    version = store.add(make())
    foreign = str(make(name="foreign/file").parent)
    tasks = [assign(Store(foreign), version, "a"), assign(store, version, "b")]
    untold = Task((foreign,), Store.add, (make(),))
    background.submit(pack([untold, *tasks]))
    background.submit(pack([assign(Store(foreign), version, "c")]))
    messages = told(caplog, 2)
    assert ["files/a" in messages[0], "files/c" in messages[1]] == [True, True]
    assert all(message.startswith("seqstore: others cannot reuse files/") for message in messages)
    assert store.find("files", "b").version == version


def test_many_failures_do_not_stop_it(store, make, background, caplog):
    version = store.add(make())
    task = Task((str(store.root),), Store.assign, ("files", "x\0", version, ""), "it" * 200)
    background.submit(pack([task] * 5000))
    background.submit(pack([assign(store, version, "last")]))
    background.submit(pack([task]))
    assert len(told(caplog, 5001)) == 5001
    assert store.find("files", "last")


def test_what_a_killed_process_left_is_done(store, make, background, caplog):
    version = store.add(make())
    background.submit(pack([assign(store, version, "a")]))
    background._process.send_signal(signal.SIGSTOP)
    for name in "bcd":
        background.submit(pack([assign(store, version, name)]))
    background._process.kill()
    background._process.wait()
    background.submit(pack([assign(store, version, "e")]))
    assert set("bcde") <= set(store.under("files"))
    background.submit(pack([assign(store, version, "f")]))
    background.wait()
    assert list(store.under("files")) == list("abcdef")
    (message,) = caplog.messages
    assert "was killed; this one does its work" in message


def test_what_tasks_need_is_made_durable_together_and_once(store, make, monkeypatch):
    synced = []

    def sync(path):
        if os.path.isfile(path) and store.objects.directory in Path(path).parents:
            synced.append("".join(str(path).split("/")[-2:]))

    monkeypatch.setattr(filesystem, "sync", sync)
    versions = [store.add(make(b"%d" % number)) for number in range(3)]
    arguments = [("files", f"n{number}", version, "") for number, version in enumerate(versions)]
    tasks = [
        Task((str(store.root),), Store.assign, given, "it", version)
        for given, version in zip(arguments, versions, strict=True)
    ]
    run(tasks, pytest.fail, set())
    assert sorted(synced) == sorted(version.digest for version in versions)
    run(tasks[:1], pytest.fail, set())  # somebody may have written it anew
    assert len(synced) == 4


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system cannot be asked for it")
def test_small_payloads_are_all_being_written_before_one_is_waited_for(store, make, monkeypatch):
    calls = []

    def noted(name):
        real = getattr(os, name)

        def call(file, *arguments):
            calls.append((name, os.fstat(file).st_ino))
            return real(file, *arguments)

        monkeypatch.setattr(os, name, call)

    versions = [store.add(make(content)) for content in (b"1", b"2", bytes(1 << 20))]
    small = {os.stat(store.objects.path(each.digest)).st_ino for each in versions[:2]}
    noted("posix_fadvise")
    noted("fsync")
    store.objects.sync(each.digest for each in versions)
    assert {inode for name, inode in calls if name == "posix_fadvise"} == small
    assert [name for name, _ in calls[:2]] == ["posix_fadvise"] * 2


def test_names_that_came_together_are_durable_before_the_first_is_there(store, make, monkeypatch):
    calls = []
    version = store.add(make())
    monkeypatch.setattr(os, "fsync", lambda _: calls.append("fsync"))
    real = os.rename
    monkeypatch.setattr(
        os, "rename", lambda *paths, **at: calls.append("rename") or real(*paths, **at)
    )
    tasks = [assign(store, version, f"n{number}") for number in range(3)]
    run([replace(task, needs=version) for task in tasks], pytest.fail, set())
    assert calls == sorted(calls)  # each is renamed after the last wait for the disk
    assert calls.count("fsync") >= 3
    assert len(list(store.under("files"))) == 3
    assert os.listdir(store.objects.staging) == []


@pytest.mark.parametrize("failures", [1, 1000])
def test_a_disk_that_fails_while_names_are_prepared(store, make, monkeypatch, failures):
    version = store.add(make())
    store.objects.sync([version.digest])
    real, messages = filesystem.sync, []

    def sync(path):
        nonlocal failures
        if store.objects.staging in Path(path).parents and (failures := failures - 1) >= 0:
            raise OSError(5, "lost")
        real(path)

    monkeypatch.setattr(filesystem, "sync", sync)
    if failures > 1:
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "lost")))
    expected = 3 if failures == 1 else 0
    run([assign(store, version, f"n{number}") for number in range(3)], messages.append, set())
    assert len(list(store.under("files"))) == expected
    assert len(messages) == 3 - expected
    assert os.listdir(store.objects.staging) == []


def test_what_is_prepared_and_not_needed_goes(store, make):
    version = store.add(make())
    record = Record("0" * 64, (version,), (True,), {}, 1.0, "rule")
    task = Task((str(store.root),), Store.add_record, (record,), "it")
    run([task, task], pytest.fail, set())
    assert len(store.records.all(record.key)) == 1
    assert os.listdir(store.objects.staging) == []


def follow(store, version, name, project):
    arguments = ("files", name, version, "0" * 64, project)
    return Task((str(store.root),), Store.follow, arguments)


def test_names_follow_where_they_mean_something_else(store, make, tmp_path, monkeypatch):
    other = Store(tmp_path / "other")
    old, new = store.add(make(b"old")), store.add(make(b"new"))
    assert other.add(make(b"new")) == new
    run([follow(store, old, "n", "one"), follow(store, old, "n", "two")], pytest.fail, set())
    before = {project: log[0] for project, log in store.names.logs("files", "n")}
    written = []
    real = filesystem.write
    monkeypatch.setattr(
        filesystem, "write", lambda path, *more: written.append(path) or real(path, *more)
    )
    tasks = [follow(store, new, "n", "one"), follow(store, old, "n", "two")]
    run([*tasks, follow(other, new, "n", ""), follow(store, new, "m", "two")], pytest.fail, set())
    after = {project: log[0] for project, log in store.names.logs("files", "n")}
    assert (after["one"].digest, after["two"]) == (new.digest, before["two"])
    assert store.means("files", "m", new, "two") and not store.means("files", "m", new, "one")
    assert other.means("files", "n", new) and len(written) == 3
    assert os.listdir(store.objects.staging) == os.listdir(other.objects.staging) == []


def test_nothing_is_prepared_in_what_is_no_store(tmp_path):
    (tmp_path / "foreign" / "tmp").mkdir(parents=True)
    foreign = Store(tmp_path / "foreign")
    with foreign.prepared([b"content"]):
        assert os.listdir(foreign.objects.staging) == []


def test_a_payload_that_is_lost_does_not_hold_up_others(store, make, monkeypatch):
    versions = [store.add(make(b"%d" % number)) for number in range(3)]
    real = filesystem.sync

    def sync(path):
        if path == str(store.objects.path(versions[1].digest)):
            raise OSError(5, "lost")
        real(path)

    monkeypatch.setattr(filesystem, "sync", sync)
    messages = []
    tasks = [
        Task((str(store.root),), Store.assign, ("files", f"n{number}", version, ""), "it", version)
        for number, version in enumerate(versions)
    ]
    run(tasks, messages.append, set())
    assert [name for name in ("n0", "n1", "n2") if store.find("files", name)] == ["n0", "n2"]
    (message,) = messages
    assert "others cannot reuse it" in message
    assert "lost" in message


def test_a_user_may_have_too_many_pipes_for_large_ones(store, make, monkeypatch):
    def refuse(*_):
        raise PermissionError("too large")

    version = store.add(make())
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "fcntl", refuse)
        background = Background()
        background.submit(pack([assign(store, version, f"n{number}") for number in range(1000)]))
    del background  # waits for it
    assert len(list(store.under("files"))) == 1000
