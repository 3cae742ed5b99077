"""What a command names literally."""

from __future__ import annotations

import subprocess
import sys
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.fingerprint import shell_command
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import Script, read_command


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("samtools sort -o \0output:0\0 \0input:0\0", "samtools"),
        ("set -euo pipefail; cd x && bwa mem a b | samtools sort - > c", "bwa samtools"),
        ("for f in a b; do gzip $f; done", "gzip"),
        ("if test -e x; then a; elif [ -e y ]; then b; else c; fi", "a b c"),
        ("while read x; do foo $x; done < list", "foo"),
        ("echo $(date) `hostname`", "date hostname"),
        ("diff <(sort a) <(uniq b)", "diff sort uniq"),
        ("(a; b) & { c; }", "a b c"),
        ("f() { sort; }; f", "sort"),
        ("A=1 B=2 foo", "foo"),
        ("env -u X A=1 foo --b", "env foo"),
        ("time -f %e nice -n 3 foo", "nice foo"),
        ("/usr/bin/time -v -o t.txt foo", "/usr/bin/time foo"),
        ("timeout -k 5 10m foo x", "timeout foo"),
        ("ls | xargs -n 1 -P2 -I% cat data/%.txt", "ls xargs cat"),
        ("parallel -j 2 'gzip -c {} > {}.gz' ::: a b", "parallel gzip"),
        ("find . -name '*.x' -exec grep -l a {} +", "find grep"),
        ("bash -euo pipefail -c 'a | b' x", "bash a b"),
        ("eval 'a; b'", "a b"),
        ('env A=$X B="$Y z" foo', "env foo"),
        ("timeout $T nice -n$N foo", "timeout nice foo"),
        ("command -v foo", ""),
        ("conda run -n e foo", "conda foo"),
        ("conda list", "conda"),
        ("mpirun -np 4 foo", "mpirun foo"),
        ("'my tool' x", "my tool"),
        ("\"tool\"'x' y", "toolx"),
        ("./bin/run.sh a", "./bin/run.sh"),
        ("\0basedir\0/x.sh a | \0input:0\0", "\0basedir\0/x.sh \0input:0\0"),
        ("cat <<E\nfoo bar\nE\n", "cat"),
        ("# foo\necho x # bar", ""),
        ("echo 'a | b; c'", ""),
        ("sort -k1,1 <<< abc", "sort"),
        ("case $x in a) foo;; *) bar;; esac", "foo bar"),
        ("! foo || true", "foo"),
        ("", ""),
    ],
)
def test_programs_are_words_in_command_position(command, programs):
    found = read_command(command)
    assert sorted(" ".join(found.programs).split()) == sorted(programs.split())
    assert found.is_complete


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("python x.py a b", Script("python", "x.py")),
        ("python3.11 -u -W ignore -X dev scripts/x.py y.py", Script("python", "scripts/x.py")),
        ("/opt/bin/python3 x.py", Script("python", "/opt/bin/../x.py".replace("/opt/bin/../", ""))),
        ("python -m pkg.mod x.py", Script("python", module="pkg.mod")),
        ("python -c 'import a' x.py", Script("python", text="import a")),
        ("python - x <<'E'\nimport a\nE\n", Script("python", text="import a\n")),
        ("python <<E\nimport a\nE\n", Script("python", text="import a\n")),
        ("cat x | python y.py", Script("python", "y.py")),
        ("Rscript --vanilla 'my x.R' a", Script("R", "my x.R")),
        ("Rscript -e 'x <- 1'", Script("R", text="x <- 1")),
        ("R --no-save -f x.R", Script("R", "x.R")),
        ("R --file=x.R", Script("R", "x.R")),
        ("bash -eu x.sh", Script("bash", "x.sh")),
        ("bash -o pipefail x.sh a", Script("bash", "x.sh")),
        ("python --x=$X -W$Y x.py", Script("python", "x.py")),
        ("perl -w -I lib x.pl a", Script("perl", "x.pl")),
        ("perl -Ilib x.pl", Script("perl", "x.pl")),
        ("perl -ne 'print' x.txt", Script("perl", text="print")),
        ("awk -F '\\t' -v a=1 -f x.awk y.txt", Script("awk", "x.awk")),
        ("java -Xmx4g -cp a.jar -jar b.jar c", Script("java", "b.jar")),
        ("julia --project=. -t 4 x.jl", Script("julia", "x.jl")),
        ("node x.js", Script("node", "x.js")),
        ("ruby -I lib x.rb", Script("ruby", "x.rb")),
        ("sed -n -f x.sed y", Script("sed", "x.sed")),
        ("env A=1 nice -n 2 python x.py", Script("python", "x.py")),
        ("python \0basedir\0/scripts/x.py", Script("python", "\0basedir\0/scripts/x.py")),
        ('awk -v a="$A" -f x.awk', Script("awk", "x.awk")),
        ("python \0input:0\0 a", Script("python", "\0input:0\0")),
    ],
)
def test_the_script_of_an_interpreter(command, script):
    found = read_command(command)
    assert found.scripts == (script,)
    assert found.is_complete


@pytest.mark.parametrize(
    "command",
    [
        "awk -F. '{print $1}' x.awk",
        "cut -d . -f 1 x",
        "sed -e s/a/b/ x",
        "sed s/a/b/ x",
        "java -cp a Main",
        "R CMD INSTALL x",
        "make -f x.mk",
        "echo python x.py",
        "python --version",
        "python <<E\nimport $X\nE\n",
        "Rscript",
        "samtools view x.py",
    ],
)
def test_no_script_is_told_where_there_is_none(command):
    assert read_command(command).scripts == ()


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("echo $HOME ${X:-a} \"${Y%.x}\" '$N' \\$M", "HOME X Y"),
        ("X=1; echo $X", ""),
        ("echo $X; X=1", "X"),
        ("X=${X:-5}; echo $X", "X"),
        ("X=1 foo $X", "X"),
        ("for f in *; do echo $f; done; echo $g", "g"),
        ("read a b; echo $a $b $c", "c"),
        ("export P=1; echo $P", ""),
        ("echo $1 $@ $? $# $$", ""),
        ("cat <<E\n$A\nE\n", "A"),
        ("cat <<'E'\n$A\nE\n", ""),
        ("bash -c 'echo $A'", "A"),
        ('sh -c "echo $B"', "B"),
        ("local x=1; echo ${x} ${#Y} ${!Z}", "Y Z"),
        ("echo $((N + 1))", "N"),
        ("arr=(a b); echo ${arr[0]} ${other[1]}", "other"),
        ("awk '{print $NF, $x}'", ""),
    ],
)
def test_variables_that_a_command_reads(command, variables):
    assert sorted(read_command(command).variables) == variables.split()


def test_what_is_sourced():
    found = read_command("source env.sh; . ./b.sh; source 'c d.sh'")
    assert found.sourced == ("env.sh", "./b.sh", "c d.sh")
    assert found.programs == ()


@pytest.mark.parametrize(
    "command",
    [
        "$X foo",
        "((",
        "if x; then",
        'python "$D/x.py"',
        "source $X",
        "eval $X",
        "a | ",
    ],
)
def test_what_cannot_be_told_is_no_error(command):
    assert not read_command(command).is_complete


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("docker run x foo", True),
        ("sudo apptainer exec x.sif foo", True),
        ("echo docker", False),
        ("cat docker/x", False),
    ],
)
def test_containers(command, expected):
    assert read_command(command).is_container is expected


_PIECES = st.sampled_from(
    [
        *"|&;()<>{}[]$\"'`\\#!*=\n\0 ~",
        "a",
        "$(",
        "<<E\n",
        "python",
        "-c",
        "if",
        "do",
        "x=",
        "${",
        "é",
    ]
)


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=60))
def test_reading_never_fails(command):
    found = read_command(command)
    assert all(isinstance(name, str) and name for name in found.programs)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_the_grammar_sees_no_character_beyond_its_table(text):
    """Its scanner looks characters up in a table of 256, and ends the process beyond that."""
    seen = []

    class Spy:
        def parse(self, source):
            seen.append(source)
            return parser.parse(source)

    parser = shell_command._parser()
    with patch.object(shell_command, "_parser", Spy):
        shell_command._nodes(f"{{{text}".encode())
    assert max(map(ord, seen[0].decode())) < 256
    assert len(seen[0]) == len(f"{{{text}".encode())


def test_names_may_have_any_character():
    command = "/opt/\u011e\U0001f600/tool {\u4e2d..z}"
    assert read_command(command).programs == ("/opt/\u011e\U0001f600/tool",)


def test_deep_commands_are_read():
    assert read_command("(" * 3000 + "a" + ")" * 3000)
    assert read_command("echo " + "$(a " * 1500 + ")" * 1500).programs == ("a",)


def test_the_grammar_is_loaded_when_it_is_used():
    code = (
        "import sys, snakemake_storage_plugin_seqstore.fingerprint.plain as _;"
        "sys.exit('tree_sitter' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
