"""Each wrapper in a real workflow: the one in its own ``test`` directory."""

import ast
import gzip
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from snakemake_storage_plugin_seqstore.sequences import SequenceStore

WRAPPERS = Path(__file__).parents[2] / "wrappers" / "sequences"
NAMES = sorted(path.parent.name for path in WRAPPERS.glob("*/wrapper.py"))


@pytest.fixture
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the test workflow of the wrapper that the test names."""
    return Path(shutil.copytree(WRAPPERS / request.param / "test", tmp_path / "workflow"))


def of(wrapper: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("workflow", [wrapper], indirect=True)


def edit(workflow: Path, old: str, new: str) -> None:
    snakefile = workflow / "Snakefile"
    text = snakefile.read_text()
    assert old in text
    snakefile.write_text(text.replace(old, new))


def published(workflow: Path) -> list[Path]:
    return [path for path in (workflow / ".seqstore").rglob("*") if "proteins.sqlite" in path.name]


@of("build")
def test_build(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    with SequenceStore.open_reader(workflow / "proteins.sqlite") as store:
        records = [(record.gid, record.header, record.seq) for record in store]
    assert records == [
        (0, "sp|P1|ONE_TEST first protein", "MKVLAAGIVGLLLAQWERTY"),
        (1, "sp|P2|TWO_TEST second protein", "MKV"),
        (2, "tr|P4|FOUR_TEST kinase", "MSTNPKPQRKTKRNTNRRPQ"),
    ]
    assert "duplicates" in (workflow / "logs" / "build.log").read_text()


@of("build")
def test_build_lists_what_it_leaves_out(workflow: Path, snakemake: Callable) -> None:
    edit(workflow, "min_len=2", 'min_len=2, illegal="skip"')
    lines = (workflow / "proteins.fasta").read_text().count("\n")
    with (workflow / "proteins.fasta").open("a") as fasta:
        fasta.write(">P5 numbers\nMK1\n>P6\n>\nMK\n>P7\nMKVLW\n")
    snakemake(workflow)
    with SequenceStore.open_reader(workflow / "proteins.sqlite") as store:
        assert len(store) == 4 and store.find_name("P7") == [3]
    log = (workflow / "logs" / "build.log").read_text()
    for line, problem in ((1, "illegal character '1'"), (3, "is empty"), (4, "header is empty")):
        assert re.search(rf"left out: proteins.fasta, line {lines + line}, .*{problem}", log)


@of("build")
def test_build_names_the_illegal_record(workflow: Path, snakemake: Callable) -> None:
    with (workflow / "proteins.fasta").open("a") as fasta:
        fasta.write(">P5 numbers\nMK1\n")
    printed = snakemake(workflow, fails=True).stdout
    assert "P5" in printed
    assert "P5" in (workflow / "logs" / "build.log").read_text()
    assert "Traceback" not in printed
    assert not list(workflow.glob("*.sqlite*"))


@of("build")
def test_a_misspelt_param_is_an_error(workflow: Path, snakemake: Callable) -> None:
    edit(workflow, "min_len=2", "minlen=2")
    printed = snakemake(workflow, fails=True).stdout
    assert "rule build: unknown param 'minlen' (did you mean 'min_len'? params of" in printed
    assert not (workflow / "proteins.sqlite").exists()


@of("build")
def test_a_param_needs_a_name(workflow: Path, snakemake: Callable) -> None:
    edit(workflow, 'alphabet="protein"', '"protein"')
    assert "a param has no name" in snakemake(workflow, fails=True).stdout


@of("build")
def test_works_without_a_log(workflow: Path, snakemake: Callable) -> None:
    edit(workflow, 'log:\n        "logs/build.log",\n    ', "")
    assert "duplicates" in snakemake(workflow).stdout


@of("publish")
def test_publish(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    assert published(workflow)
    assert "4 sequences" in (workflow / "logs" / "publish.log").read_text()
    assert "Nothing to be done" in snakemake(workflow).stdout


@of("publish")
def test_publish_refuses_a_damaged_record(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow, "proteins.sqlite")
    with sqlite3.connect(workflow / "proteins.sqlite") as database:
        database.execute("UPDATE sequences SET seq = x'004D4B4C' WHERE gid = 1")  # MKL, not MKV
    database.close()
    printed = snakemake(workflow, fails=True).stdout
    assert "rule publish: " in printed
    assert "proteins.sqlite" in (workflow / "logs" / "publish.log").read_text()
    assert "Traceback" not in printed
    assert not published(workflow)


@of("extract")
def test_extract(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    short = "sp|P2|TWO_TEST second protein", "sp|P3|THREE_TEST copy of the second protein"
    assert (workflow / "named.faa").read_text() == "".join(f">{name}\nMKV\n" for name in short)
    table = gzip.decompress((workflow / "long.tsv.gz").read_bytes()).decode()
    assert "MKVLAAGIVGLLLAQWERTY" in table
    assert "MSTNPKPQRKTKRNTNRRPQ" in table
    assert "P2" not in table
    fasta = gzip.decompress((workflow / "numbered.fasta.gz").read_bytes()).decode()
    assert [line for line in fasta.splitlines() if line.startswith(">")] == [
        ">sp|P1|ONE_TEST first protein",
        ">tr|P4|FOUR_TEST kinase",
    ]


@of("extract")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name="sp|*"', 'nmae="sp|*"', "unknown param 'nmae' (did you mean 'name'?"),
        ('length="1-10"', 'length="10-1"', "length"),
        ('"named.faa"', '"named.txt"', "named.txt: its suffix does not say which format"),
    ],
)
def test_extract_explains(
    workflow: Path, snakemake: Callable, old: str, new: str, message: str
) -> None:
    edit(workflow, old, new)
    assert message in snakemake(workflow, fails=True).stdout
    assert not list(workflow.glob("named.*"))


@of("stats")
def test_stats(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    table = (workflow / "statistics.tsv").read_text().splitlines()
    assert len({row.count("\t") for row in table}) == 1
    assert "<svg" in (workflow / "statistics.svg").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_meta_documents_every_param(name: str) -> None:
    meta = yaml.safe_load((WRAPPERS / name / "meta.yaml").read_text())
    documented = [key for param in meta.get("params", []) for key in param]
    known: list[str] = []
    for node in ast.parse((WRAPPERS / name / "wrapper.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PARAMS":
            known = list(ast.literal_eval(node.value))
    assert documented == known
    assert meta["name"] and meta["description"] and meta["input"] and meta["output"]
