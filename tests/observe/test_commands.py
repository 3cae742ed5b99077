"""What real commands are seen to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.observe import Accesses

WEIRD = os.fsdecode(b'we<i>rd "q\\ \xc3\xa9\xff\n%.txt')


def seen(accesses: Accesses, work: Path, what: str) -> set[str]:
    """Paths in the working directory with which something was done, relative to it."""
    return {
        os.path.relpath(path, work)
        for path, access in accesses.paths.items()
        if getattr(access, what) and Path(path).is_relative_to(work) and path != str(work)
    }


# Command, and what it reads, looks for in vain, and loses by changing it.
CASES = {
    "builtin": ("while read -r x; do :; done < a.txt; source sub/c.txt || :", "a.txt sub/c.txt"),
    "redirection": ("x=$(<a.txt); echo $x > out; cat out", "a.txt"),
    "several": ("sort a.txt b.txt | uniq > out", "a.txt b.txt"),
    "directory": ("cd sub; cat c.txt; cd ..; (cd sub && cat ../b.txt); cat a.txt",
                  "sub/c.txt b.txt a.txt"),
    "linked directory": ("cd linked; cat c.txt; cat ../linked/../a.txt", "sub/c.txt a.txt"),
    "through a link": ("cat linked/c.txt", "linked/c.txt"),
    "own link": ("ln -s sub/c.txt l; cat l; rm l", "sub/c.txt"),
    "own link to a directory": ("ln -s sub l; cat l/c.txt; rm l", "sub/c.txt"),
    "own link, replaced": ("ln -s . l; ln -sfn sub l; cat l/c.txt; rm l", "sub/c.txt"),
    "own link, renamed": ("ln -s $PWD/sub l; mv l m; cat m/c.txt; mkdir d; mv m d; mv d e;"
                          "cat e/m/c.txt", "sub/c.txt"),
    "hard link": ("ln a.txt l; cat l", "a.txt"),
    "own file": ("echo x > x; cat x; mkdir d; echo y > d/y; cat d/*; rm -r d x", ""),
    "renamed": ("echo x > w1.tmp; mv w1.tmp w2.tmp; cat w2.tmp; mkdir d; mv d e; ls e", ""),
    "renamed directory": ("mkdir d; cp a.txt d; mv d e; cat e/a.txt", "a.txt"),
    "copied": ("cp a.txt x; cat x; cp -r sub sub2; cat sub2/c.txt", "a.txt sub/c.txt"),
    "appended": ("echo x >> names; echo y 2>> log", ""),
    "subshell": ("( ( cat a.txt ) ); { cat b.txt; }", "a.txt b.txt"),
    "background": ("cat a.txt & cd sub; wait; cat c.txt", "a.txt sub/c.txt"),
    "pipe": ("cat a.txt | tee x | cat; mkfifo p; cat b.txt > p & cat p", "a.txt b.txt"),
    "here": ("cat <<< text; cat <<E\n$(cat a.txt)\nE", "a.txt"),
    "process substitution": ("diff <(cat a.txt) <(cat a.txt)", "a.txt"),
    "nested": ("bash -c 'bash -c \"cat a.txt\"; cat b.txt'", "a.txt b.txt"),
    "names from a list": ("xargs -I% cat %.txt < names", "names a.txt b.txt"),
    "awk": ("""awk '{while ((getline x < ($1 ".txt")) > 0) print x}' names""",
            "names a.txt b.txt"),
    "perl": ("perl -e 'open F, \"<\", \"a\".\".txt\"; print <F>'", "a.txt"),
    "sorted with a scratch directory": ("mkdir -p t; sort -T t a.txt > o; mkdir -p t; ls t",
                                        "a.txt"),
    "script": ("printf '#!/bin/sh\\ncat a.txt\\n' > s; chmod +x s; ./s", "a.txt"),
    "compressed": ("gzip -k a.txt; zcat a.txt.gz", "a.txt"),
    "tar": ("tar cf t.tar sub; tar xf t.tar -C $PWD/sub --strip-components=1", "sub/c.txt"),
    "descriptor": ("exec 5< a.txt; cat <&5; cat /dev/fd/5 || :", "a.txt"),
    "proc": ("cat /proc/self/cwd/a.txt", "a.txt"),
    "environment": ("env -i /bin/cat a.txt", "a.txt"),
    "find": ("find . -name '*.txt' -exec cat {} +", "a.txt b.txt sub/c.txt"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(name: str, run, work: Path) -> None:
    command, expected = CASES[name]
    accesses = run(command)
    lost = seen(accesses, work, "replaced")
    assert seen(accesses, work, "read") - {"sub", "linked"} - lost == set(expected.split()) - lost
    assert lost == ({"sub/c.txt"} if name == "tar" else set())


def test_strange_names(run, work: Path) -> None:
    (work / WEIRD).mkdir()
    (work / WEIRD / WEIRD).write_text("x")
    accesses = run("cd we*; cat we* > out; cd ..; cat we*/we*; test -e $'no\\npe\\xff'", 1)
    assert seen(accesses, work, "read") - {WEIRD} == {f"{WEIRD}/{WEIRD}"}
    assert seen(accesses, work, "absent") == {os.fsdecode(b"no\npe\xff")}


def test_names_that_look_like_the_end_of_a_call_or_of_a_process(run, work: Path) -> None:
    names = {"plot (k) = 5 GB.txt", "a) = -1 ENOENT (no)", "x +++ exited with 0 +++"}
    for name in names:
        (work / name).write_text("x")
    accesses = run("cat *=* *+++*; while read -r line; do :; done < 'x +++ exited with 0 +++'")
    assert seen(accesses, work, "read") == names


def test_a_file_without_a_name_changes_no_directory(run, work: Path) -> None:
    code = "import tempfile; tempfile.TemporaryFile(dir='sub').write(b'x')"
    accesses = run(f'"$PYTHON" -c "{code}"')
    assert not seen(accesses, work, "opened_to_change") | seen(accesses, work, "written")


@pytest.mark.parametrize(
    ("command", "lost"),
    [
        ("sed -i s/a/b/ a.txt", "a.txt"),
        ("mv a.txt x", "a.txt"),
        ("cat a.txt; echo > a.txt", "a.txt"),
        ("cat a.txt; echo >> a.txt", "a.txt"),
        ("echo >> a.txt; cat a.txt", "a.txt"),
        ("cat a.txt; rm a.txt", "a.txt"),
        ("cat a.txt; echo x > y; mv y a.txt", "a.txt"),
        ("cat linked/c.txt; echo > sub/c.txt", "linked/c.txt"),
        ("sort -o a.txt a.txt", "a.txt"),
        ("cat a.txt; truncate -s 0 a.txt", "a.txt"),
        ("rm a.txt; echo > b.txt; cat b.txt; rm -f no", ""),
    ],
)
def test_what_is_lost(command: str, lost: str, run, work: Path) -> None:
    assert seen(run(command), work, "replaced") == set(lost.split())


def test_absent(run, work: Path) -> None:
    accesses = run("test -e x || test -d sub/y || cat z || echo > x; rm -f w; cat x; : > y2", 0)
    assert seen(accesses, work, "absent") == {"x", "sub/y", "z", "w"}
    assert seen(accesses, work, "written") == {"x", "y2"}
    assert seen(accesses, work, "read") == set()


def test_listed(run, work: Path) -> None:
    accesses = run("ls > /dev/null; echo sub/*; mkdir d; ls d; cd linked; ls")
    assert seen(accesses, work, "listed") == {"sub", "d"}  # d might have been there, with files
    assert accesses.paths[str(work)].listed


def test_signals_and_process(tmp_path: Path, run, work: Path) -> None:
    run("kill -TERM $$", -15)
    run("kill -KILL $$", -9)
    run("trap 'cat a.txt; exit 7' INT; kill -INT $$; exit 1", 7)
    run("exit 3", 3)
    accesses = run("test $PPID = " + str(os.getpid()) + " && cat a.txt && exec cat b.txt")
    assert seen(accesses, work, "read") == {"a.txt", "b.txt"}
    run('test "$(env | sort)" = "$(env | grep -v seqstore | sort)"')


def test_what_outlives_the_shell_by_a_moment_belongs_to_the_job(run, work: Path) -> None:
    accesses = run("exec > >(sleep 0.3; tee log); (sleep 0.4; cat a.txt) > /dev/null & cat b.txt")
    assert seen(accesses, work, "read") == {"a.txt", "b.txt"}
    assert seen(accesses, work, "written") == {"log"}


def test_what_runs_on_is_not_waited_for(run, work: Path) -> None:
    command = "(cat a.txt; sleep 30; cat b.txt) > /dev/null & echo $! > pid; sleep 0.1"
    accesses = run(command)
    assert seen(accesses, work, "read") == {"a.txt"}
    os.kill(int((work / "pid").read_text()), 9)  # it still runs


C = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/openat2.h>
#include <unistd.h>
extern char **environ;
static void *go(void *x) { chdir("sub"); open("c.txt", O_RDONLY); return x; }
int main() {
  pthread_t t;
  struct stat st;
  struct open_how how = {.flags = O_RDONLY};
  int here = open(".", O_RDONLY | O_DIRECTORY), cat = open("/bin/cat", O_PATH), pid;
  pthread_create(&t, 0, go, 0);
  pthread_join(t, 0);                               /* threads share the working directory */
  fchdir(here);
  syscall(SYS_openat2, here, "names", &how, sizeof how);
  fstatat(open("b.txt", O_RDWR), "", &st, AT_EMPTY_PATH);
  access("sub/none", R_OK);
  if (!(pid = vfork())) {
    char *args[] = {"cat", "c.txt", 0};
    chdir("sub");
    execveat(cat, "", args, environ, AT_EMPTY_PATH);
    _exit(1);
  }
  waitpid(pid, 0, 0);
  char *args[] = {"cat", "a.txt", 0};
  posix_spawn(&pid, "/bin/cat", 0, 0, args, environ);
  waitpid(pid, 0, 0);
  return 0;
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_static_binary(run, work: Path) -> None:
    (work / "x.c").write_text(C)
    subprocess.run(["gcc", "-static", "-pthread", "-w", "-o", "x", "x.c"], cwd=work, check=True)
    accesses = run("./x")
    assert seen(accesses, work, "read") - {"sub"} == {"sub/c.txt", "names", "a.txt"}
    assert seen(accesses, work, "opened_to_change") == {"b.txt"}
    assert seen(accesses, work, "executed") == {"x"}
    assert seen(accesses, work, "absent") == {"sub/none"}


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_make(run, work: Path) -> None:
    (work / "Makefile").write_text("include rules.mk\nout: a.txt\n\tcat a.txt > out\n")
    (work / "rules.mk").write_text("")
    accesses = run("make")
    assert {"Makefile", "rules.mk", "a.txt"} <= seen(accesses, work, "read")
    assert "out" in seen(accesses, work, "absent")
    assert accesses.paths[str(work)].listed  # there might be a GNUmakefile


PYTHON = """
import os, subprocess, threading, helper
from package import part
import json
thread = threading.Thread(target=lambda: open("a.txt").read())
thread.start(), thread.join()
subprocess.run(["cat", "b.txt"])
os.stat("names")
"""


def test_python(run, work: Path) -> None:
    (work / "s.py").write_text(PYTHON)
    (work / "helper.py").write_text("")
    (work / "package").mkdir()
    (work / "package" / "__init__.py").write_text("")
    (work / "package" / "part.py").write_text("import helper\n")
    accesses = run("$PYTHON s.py")
    sources = {"s.py", "helper.py", "package/__init__.py", "package/part.py"}
    assert seen(accesses, work, "read") - {"package"} == sources | {"a.txt", "b.txt"}
    assert "names" in seen(accesses, work, "asked")
    # Its search for modules, also when its byte code came to be meanwhile, is no listing.
    assert not accesses.paths.get(str(work), accesses.paths[str(work / "s.py")]).listed
    assert seen(accesses, work, "listed") == set()
    assert {"helper", "package", "json"} <= accesses.searched[str(work)]


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.listdir('.')",
        "import os, helper; os.listdir('.')",
        "import os, helper; os.listdir(os.getcwd()); import json, csv",
        "import glob; glob.glob('*.csv')",
        "import os\nif os.path.exists(os.getcwd()) and os.path.isdir(os.getcwd()):\n"
        "    os.listdir(os.getcwd())",
        "import pathlib, helper; list(pathlib.Path('.').iterdir())",
    ],
)
def test_own_listing(code: str, run, work: Path) -> None:
    (work / "helper.py").write_text("")
    (work / "s.py").write_text(code)
    assert run("$PYTHON s.py").paths[str(work)].listed


def test_network(run) -> None:
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    said = run(f'{sys.executable} -c "{code}" || :').notes
    assert said in ({"talked to the network"}, set())  # a machine may have no network at all
    assert run("cat a.txt").notes == set()


@pytest.mark.skipif(not shutil.which("java"), reason="needs Java")
def test_java(run, work: Path) -> None:
    code = """
    import java.nio.file.*; import java.util.stream.*;
    class X { public static void main(String[] args) throws Exception {
        System.out.println(Stream.of("a.txt", "b.txt", "names").parallel().mapToLong(name -> {
            try { return Files.size(Path.of(name)) + Files.readAllBytes(Path.of(name)).length; }
            catch (Exception e) { throw new RuntimeException(e); } }).sum());
    } }"""
    (work / "X.java").write_text(code)
    accesses = run("java X.java" if shutil.which("javac") else "java -version")
    if shutil.which("javac"):
        assert {"X.java", "a.txt", "b.txt", "names"} <= seen(accesses, work, "read")
