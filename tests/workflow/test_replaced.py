"""Names that commands and code make of the names of inputs."""

import pytest

from snakemake_storage_plugin_seqstore.workflow.code.python_source import read
from snakemake_storage_plugin_seqstore.workflow.code.reading import names_in
from snakemake_storage_plugin_seqstore.workflow.replaced import files, replacement, replaces


@pytest.fixture
def mates(tmp_path, monkeypatch):
    """Two files of reads, and one that is called otherwise."""
    monkeypatch.chdir(tmp_path)
    for name in ("a_R1.fq", "a_R2.fq", "b_R2.fq"):
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    "text",
    [
        "cat $(echo x | sed s/_R1/_R2/)",
        "cat $(echo x | sed 's/_R1/_R2/g')",
        "cat $(echo x | sed -E 's|_R1|_R2|')",
        "cat `echo x | sed 's/R[1]/R2/'`",
        "f=$(echo x | perl -pe 's/_R1(.)/_R2./')",
        replacement("_R1", "_R2"),
        replacement("1.fq", "2.fq"),
    ],
)
@pytest.mark.usefixtures("mates")
def test_a_name_that_is_made_of_another_one_is_found(text):
    assert replaces(text)
    assert files(text, ["a_R1.fq"]) == ["a_R2.fq"]
    assert files(text, ["c_R1.fq"]) == []


@pytest.mark.parametrize(
    "text",
    ["sed s/_R1/_R2/ x", "cat $(ls x)", "cat words/_R1/_R2/", "s/_R1/_R2/", "$(sed s/_R1/_R2"],
)
@pytest.mark.usefixtures("mates")
def test_other_texts_make_none(text):
    assert not replaces(text)
    assert files(text, ["a_R1.fq"]) == []


@pytest.mark.usefixtures("mates")
def test_a_pattern_that_is_none_of_pythons_is_no_error():
    assert files("$(echo x | sed 's/\\(_R1\\|[[:x/_R2/')", ["a_R1.fq"]) == []
    assert files("$(echo x | sed 's/a_R1/a_R2\\9/')", ["a_R1.fq"]) == []


@pytest.mark.parametrize(
    "code", ["p.replace('_R1', '_R2')", "re.sub('_R1', '_R2', p)", "f(p.replace('_R1', '_R2', 1))"]
)
def test_what_python_replaces(code):
    assert replacement("_R1", "_R2") in read(f"import re\nopen({code})", "a.py").strings


@pytest.mark.parametrize("code", ["p.replace(a, '_R2')", "p.replace('_R1')", "replace('a', 'b')"])
def test_what_python_does_not_replace(code):
    assert not any(map(replaces, read(f"open({code})", "a.py").strings))


@pytest.mark.parametrize(
    "code", ["sub('_R1', \"_R2\", path)", "gsub(\"_R1\", '_R2', x)", "str_replace(x, '_R1', '_R2')"]
)
def test_what_r_replaces(code):
    assert replacement("_R1", "_R2") in names_in(f"readLines({code})")
