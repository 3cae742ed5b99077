"""Scripts in R, run by a real R, with packages that are really installed."""

import shutil
import subprocess

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed (r-base-core)"),
]

RULES = """
    rule a:
        input: local("in.txt")
        output: storage.seqstore("seqstore://files/a.txt")
        params: number=config.get("number", 3)
        script: "scripts/a.R"
    """
SCRIPT = """
    system("ran a")
    source(file.path(snakemake@scriptdir, "..", "lib", "words.R"))
    said <- if (requireNamespace("sayer", quietly = TRUE)) sayer::say() else "nothing"
    line <- readLines(snakemake@input[[1]])
    writeLines(paste(line, snakemake@params[["number"]], word(), said), snakemake@output[[1]])
    """


@pytest.fixture
def scripted(project):
    """A rule whose script in R sources another one and loads a package that may be missing."""
    project.environment["R_LIBS_USER"] = "library"
    project.write(RULES)
    project.write("abc\n", "in.txt")
    project.write(SCRIPT, "scripts/a.R")
    project.write("word <- function() 'one'\n", "lib/words.R")
    return project


def install(project, version):
    """Install a package for the user, as a version that says so."""
    source = project.directory.parent / f"source {version}" / "sayer"
    (source / "R").mkdir(parents=True)
    (source / "DESCRIPTION").write_text(
        f"Package: sayer\nVersion: {version}\nTitle: Says\nDescription: Says what it is.\n"
        "License: MIT\nAuthor: Nobody\nMaintainer: Nobody <nobody@example.org>\n"
    )
    (source / "NAMESPACE").write_text("export(say)\n")
    (source / "R/say.R").write_text(f"say <- function() 'version {version}'\n")
    library = project.directory / "library"
    library.mkdir(exist_ok=True)
    command = ["R", "CMD", "INSTALL", "--no-docs", f"--library={library}", str(source)]
    subprocess.run(command, check=True, capture_output=True)


def test_a_script_in_r(scripted):
    assert scripted.run().computed == ["a"]
    assert scripted.stored("a.txt") == "abc 3 one nothing\n"
    clone = scripted.clone()
    assert clone.run().did_nothing
    assert clone.run("--config", "number=4").computed == ["a"]
    assert clone.stored("a.txt") == "abc 4 one nothing\n"
    clone.write("word <- function() 'two'\n", "lib/words.R")
    assert clone.run().computed == ["a"]
    assert clone.stored("a.txt") == "abc 3 two nothing\n"
    clone.write("word <- function() snakemake@config[['word']]\n", "lib/words.R")
    assert clone.run("--config", "word=three").computed == ["a"]
    assert clone.run("--config", "word=three", "other=1").did_nothing
    assert clone.run("--config", "word=four").computed == ["a"]
    assert clone.stored("a.txt") == "abc 3 four nothing\n"
    clone.write("word <- function() 'two'\n", "lib/words.R")
    clone.write(SCRIPT.replace("line,", "toupper(line),"), "scripts/a.R")
    assert clone.run().computed == ["a"]
    assert clone.stored("a.txt") == "ABC 3 two nothing\n"


def test_packages_of_r_count_by_their_versions(scripted):
    scripted.run()
    for version in ("1.0", "1.1"):
        clone = scripted.clone(f"with-{version}")
        install(clone, version)
        assert clone.run().computed == ["a"]
        assert clone.stored("a.txt") == f"abc 3 one version {version}\n"
        assert clone.run().did_nothing
        assert clone.clone(f"again-{version}").run().did_nothing
