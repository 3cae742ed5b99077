"""The grammar of strace's log, and logs that are damaged."""

import os
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.observe import Observation, probe
from snakemake_storage_plugin_seqstore.observe.calls import unescape
from snakemake_storage_plugin_seqstore.observe.log import (
    Event,
    Incomplete,
    absolute,
    children,
    events,
    running,
)
from snakemake_storage_plugin_seqstore.observe.observation import _ended
from snakemake_storage_plugin_seqstore.observe.system_calls import TRACED, Does
from snakemake_storage_plugin_seqstore.observe.ways import Ways

START = "7 1795895073.000001 "
END = "7 1795895073.900000 +++ exited with 0 +++\n"
NAMED = {"\n": "n", "\t": "t", "\r": "r", "\v": "v", "\f": "f", '"': '"', "\\": "\\"}


def escape(name: bytes, quote: str) -> str:
    """As strace writes it."""
    text = ""
    for index, byte in enumerate(name):
        char = chr(byte)
        if char in NAMED:
            text += "\\" + NAMED[char]
        elif char in string.printable and not (quote == "<" and char in "<>"):
            text += char
        else:
            follows = name[index + 1 : index + 2]
            text += f"\\{byte:03o}" if follows.isdigit() else f"\\{byte:o}"
    return text


def parse(*lines: str) -> list[Event]:
    text = [f"{START}{line}\n" for line in lines] + [END]
    return list(events(text, children(text), 7))


# Some look like what strace writes itself.
looks = st.sampled_from([b'x) = 3 "y', b"a) = -1 ENOENT (b)", b'", O_RDONLY) = 0', b"3</x>) = 5"])
names = st.one_of(st.binary(min_size=1, max_size=30), looks).filter(lambda name: b"\0" not in name)
parts = names.filter(lambda name: b"/" not in name and name not in (b".", b".."))


@given(names)
def test_names_are_read_as_they_were(name: bytes) -> None:
    assert os.fsencode(unescape(escape(name, '"'))) == name
    assert os.fsencode(unescape(escape(name, "<"))) == name


@given(parts, parts, parts, st.sampled_from(["-1 ENOENT (No such file or directory)", "3"]))
def test_an_open(here: bytes, name: bytes, other: bytes, result: str) -> None:
    place = f"</{escape(here, '<')}>"
    real = f"</{escape(other, '<')}>" if result == "3" else ""
    (event,) = parse(
        f'openat(AT_FDCWD{place}, "{escape(name, chr(34))}", O_RDONLY|O_CLOEXEC) = {result}{real}'
    )
    assert os.fsencode(event.action.path) == b"/" + here + b"/" + name
    assert os.fsencode(event.action.real) == (b"/" + other if real else b"")
    assert event.action.error == ("" if real else "ENOENT")
    assert event.action.flags == {"AT_FDCWD", "O_RDONLY", "O_CLOEXEC"}


@given(parts, parts, parts)
def test_two_paths(here: bytes, one: bytes, two: bytes) -> None:
    one_text, two_text = (escape(name, '"') for name in (one, two))
    for text in (
        f'renameat2(3</{escape(here, "<")}>, "{one_text}", AT_FDCWD</>, "{two_text}", 0) = 0',
        f'linkat(3</{escape(here, "<")}>, "{one_text}", AT_FDCWD</>, "{two_text}", 0) = 0',
    ):
        (event,) = parse(text)
        assert os.fsencode(event.action.path) == b"/" + here + b"/" + one
        assert os.fsencode(event.action.other) == b"/" + two


@given(parts, st.integers(0, 80))
def test_a_call_that_is_interrupted(name: bytes, at: int) -> None:
    call = f'openat(AT_FDCWD</w>, "{escape(name, chr(34))}", O_RDONLY'
    rest = ") = -1 ENOENT (No such file or directory)"
    whole = parse(call + rest)
    for head, tail in ((call, rest), (f"{call}{rest[:1]}"[: len(call)], rest)):
        split = parse(f"{head} <unfinished ...>", f"<... openat resumed>{tail}")
        assert split == whole


@given(st.text(st.characters(codec="latin-1"), max_size=80), st.sampled_from(sorted(TRACED)))
def test_no_line_breaks_it(text: str, name: str) -> None:
    lines = [f"{START}{name}({text}) = 0\n", f"{START}{text}\n", f"{text}\n", END]
    list(events(lines, children(lines), 7))


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "c d"]), max_size=8))
def test_absolute_is_what_the_system_means(pieces: list[str]) -> None:
    path = "/".join(pieces).lstrip("/")
    assert absolute(path, "/nowhere/x") == os.path.normpath(f"/nowhere/x/{path}")


def test_working_directories() -> None:
    lines = [
        '1 1.000001 openat(AT_FDCWD</w>, "a", O_RDONLY) = -1 ENOENT (No such file)\n',
        "1 1.000002 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>\n",
        '2 1.000003 access("b", F_OK) = 0\n',
        '2 1.000004 chdir("/x") = 0\n',
        '2 1.000005 access("c", F_OK) = 0\n',
        "1 1.000006 <... clone resumed>, child_tidptr=0x1) = 2\n",
        "1 1.000007 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x1}, 88) = 3\n",
        '3 1.000008 chdir("/y") = 0\n',
        '1 1.000009 access("d", F_OK) = 0\n',
        "1 1.000010 vfork( <unfinished ...>\n",
        '4 1.000011 access("e", F_OK) = 0\n',
        "1 1.000012 <... vfork resumed>) = 4\n",
        "1 1.000013 clone(child_stack=NULL, flags=SIGCHLD) = 5\n",
        "1 1.000014 fchdir(3</z>) = 0\n",
        '5 1.000015 access("f", F_OK) = 0\n',
        '1 1.000016 rename("g", "h") = 0\n',
        '1 1.000017 symlink("i", "j") = 0\n',
        "1 1.000018 +++ killed by SIGKILL +++\n",
        '5 1.000019 access("late", F_OK) = 0\n',
    ]
    found = [
        (event.pid, event.action.path, event.action.other)
        for event in events(lines, children(lines), 1)
        if event.action.does is not Does.ENTER
    ]
    assert found == [
        (1, "/w/a", ""), (2, "/w/b", ""), (2, "/x/c", ""), (1, "/y/d", ""), (4, "/y/e", ""),
        (5, "/y/f", ""), (1, "/z/g", "/z/h"), (1, "/z/j", "/z/i"), (5, "/y/late", ""),
    ]  # fmt: skip


def test_how_a_path_was_asked_for() -> None:
    lines = [
        '1 1.000001 openat(AT_FDCWD</w/a>, "../b/c", O_RDONLY) = 3</w/b/c>\n',
        '1 1.000002 openat(AT_FDCWD</w/a>, "x", O_RDONLY) = 3</w/a/x>\n',
        '1 1.000003 openat(AT_FDCWD</w/a>, "/w/x", O_RDONLY) = 3</w/x>\n',
        '1 1.000004 openat(AT_FDCWD</w/a>, "/w/a/../x", O_RDONLY) = 3</w/x>\n',
        '1 1.000005 openat(5</w/b>, "y", O_RDONLY) = 3</w/b/y>\n',
        '1 1.000006 chdir("..") = 0\n',
        "1 1.000007 +++ exited with 0 +++\n",
    ]
    found = [(event.action.path, event.action.asked) for event in events(lines, {}, 1)]
    assert found == [
        ("/w/b/c", "/w/a/../b/c"), ("/w/a/x", "/w/a/x"), ("/w/x", ""), ("/w/x", "/w/a/../x"),
        ("/w/b/y", "/w/b/y"), ("/w", "/w/a/.."),
    ]  # fmt: skip
    ways = Ways()
    for path, asked in [*found, ("/w/b/deep/z", "/w/b/deep/z"), ("/else", "/w/link/../else")]:
        ways.add(path, asked)
    assert ways.found == {
        "/w/b/c": "/w/a/../b/c", "/w/x": "/w/a/../x", "/w": "/w/a/..",
        "/w/b/deep/z": "/w/a/../b/deep/z",
    }  # fmt: skip


def test_what_still_runs() -> None:
    lines = [
        "1 1.000001 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n",
        "1 1.000002 <... clone resumed>, child_tidptr=0x1) = 2\n",
        "1 1.000003 vfork() = 3\n",
        "1 1.000004 vfork() = -1 EAGAIN (Resource temporarily unavailable)\n",
        "1 1.000005 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x1} <unfinished ...>\n",
        "1 1.000006 <... clone3 resumed>, 88) = 4\n",
        "3 1.000007 clone(child_stack=NULL, flags=SIGCHLD) = 5\n",
        "3 1.000008 +++ superseded by execve in pid 6 +++\n",
        "2 1.000009 +++ exited with 0 +++\n",
        "5 1.000010 +++ killed by SIGKILL +++\n",
    ]
    assert running(lines) == {3}


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ('connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), '
         'sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EINPROGRESS (In progress)', "network"),
        ('connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/x"}, 16) = 0', "/run/x"),
        ('connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path=@"x"}, 16) = 0', "@x"),
        ('connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), '
         'sin_addr=inet_addr("127.0.0.1")}, 16) = 0', None),
        ('connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/x"}, 16) = -1 ENOENT (N)', None),
    ],
)  # fmt: skip
def test_connections(line: str, detail: str | None) -> None:
    assert [event.action.detail for event in parse(line)] == ([detail] if detail else [])


def test_another_view_of_files() -> None:
    found = parse('access("/a", F_OK) = 0', "unshare(CLONE_NEWNS|CLONE_NEWUSER) = 0",
                  'access("/b", F_OK) = 0')  # fmt: skip
    assert [event.action.does for event in found] == [Does.ASK, Does.VIEW]


def test_a_log_that_is_cut_is_never_whole(tmp_path: Path) -> None:
    observation = Observation(probe(), tmp_path / "o")
    process = subprocess.Popen([observation.shell, "-c", "(test -e /x); test -e /y; sleep 0 & :"])
    process.wait()
    (log,) = (tmp_path / "o").glob("*.log")
    _ended(log, float("inf"))
    text = log.read_text(encoding="latin-1")
    end = next(
        index for index in range(len(text))
        if text.startswith(f"{process.pid} ", index) and "+++" in text[index:].split("\n")[0]
        and (index == 0 or text[index - 1] == "\n")
    )  # fmt: skip
    end = text.index("\n", end) + 1
    for cut in range(0, end, 61):
        lines = text[:cut].splitlines(keepends=True)
        with pytest.raises(Incomplete):
            list(events(lines, children(lines), process.pid))
    for cut in range(end - 40, end):
        lines = text[:cut].splitlines(keepends=True)
        with pytest.raises(Incomplete):
            list(events(lines, children(lines), process.pid))
    lines = text[:end].splitlines(keepends=True)
    assert list(events(lines, children(lines), process.pid))
    observation.discard()


def test_the_last_line_of_a_large_log_may_be_late(tmp_path: Path, monkeypatch) -> None:
    """It may come between two looks: what is read has it."""
    log, size = tmp_path / "7.log", os.path.getsize
    log.write_text(f'{START}access("/a", F_OK) = 0\n' * 3000)

    def measured_before(path: Path) -> int:
        found = size(path)
        if log.read_text()[-len(END) :] != END:
            with log.open("a") as file:
                file.write(END)
        return found

    monkeypatch.setattr(os.path, "getsize", measured_before)
    lines = _ended(log, float("inf"))
    assert len(list(events(lines, children(lines), 7))) == 3000
