"""Files beside the working directory and the repository, and how jobs come to them."""

import shutil
import tempfile
import textwrap
from pathlib import Path

import pytest

from tests.reuse_workflows.conftest import IN_STORE, REUSE, Project

# Most say how they come there, by `..`; `cd` and `resolved` make up an absolute path.
FILES = {
    "main/Snakefile": f"""
        {REUSE.splitlines()[0]}
        {REUSE.splitlines()[1]}
        RULES = ["cat", "cd", "imported", "listed", "py", "resolved", "tool"]

        rule all:
            input: expand("out/{{r}}.txt", r=RULES)

        module other:
            snakefile: "../mod/workflow/Snakefile"

        use rule * from other as other_*

        rule cat:
            output: "out/cat.txt"
            shell: "ran cat; cat ../shared/side.txt > {{output}}"

        rule tool:
            output: "out/tool.txt"
            shell: "ran tool; bash {{workflow.basedir}}/../shared/tool.sh > {{output}}"

        rule cd:
            output: "out/cd.txt"
            shell: "ran cd; (cd ../shared && cat side.txt) > {{output}}"

        rule listed:
            output: "out/listed.txt"
            shell: "ran listed; ls ../shared/list > {{output}}"

        rule py:
            output: "out/py.txt"
            script: "scripts/py.py"

        rule resolved:
            output: "out/resolved.txt"
            script: "scripts/resolved.py"

        rule imported:
            output: "out/imported.txt"
            script: "scripts/imported.py"
        """,
    "main/scripts/py.py": """
        import subprocess, sys
        subprocess.run(["ran", "py"], check=True)
        sys.path.insert(0, snakemake.scriptdir + "/../../shared")
        import helper
        open(snakemake.output[0], "w").write(helper.V)
        """,
    "main/scripts/resolved.py": """
        import subprocess
        from pathlib import Path
        subprocess.run(["ran", "resolved"], check=True)
        text = (Path.cwd().resolve().parent / "shared/side.txt").read_text()
        open(snakemake.output[0], "w").write(text)
        """,
    "main/scripts/imported.py": """
        import subprocess
        subprocess.run(["ran", "imported"], check=True)
        import of_module
        open(snakemake.output[0], "w").write(of_module.V)
        """,
    "mod/workflow/Snakefile": 'rule a:\n    output: "a.txt"\n    shell: "touch {output}"\n',
    "mod/workflow/of_module.py": "V = '1'\n",
    "shared/side.txt": "1\n",
    "shared/tool.sh": "echo 1\n",
    "shared/helper.py": "V = '1'\n",
    "shared/list/a": "",
}
TOLD = ["cat", "imported", "listed", "py", "tool"]
MADE_UP = ["cd", "resolved"]


@pytest.fixture
def beside(project: Project):
    """The project's directory, and others beside it, where files are no scratch files."""
    for parent in (Path(__file__).parent, Path.home()):
        if not str(parent.resolve()).startswith(("/tmp/", "/var/tmp/", "/dev/", "/run/")):
            break
    else:
        pytest.skip("all directories here are for scratch files")
    with tempfile.TemporaryDirectory(dir=parent, prefix=".outside-") as directory:
        for name, text in FILES.items():
            path = Path(directory, "one", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        yield _in(Path(directory, "one"), project)


def _in(directory: Path, project: Project) -> Project:
    found = Project(directory / "main", project.store.root, project.environment)
    found.count_in(project.computed)
    return found


def _cloned(project: Project, name: str) -> Project:
    old = project.directory.parent
    shutil.copytree(old, old.with_name(name), ignore=shutil.ignore_patterns(".snakemake", "out"))
    return _in(old.with_name(name), project)


def _edit(project: Project) -> None:
    """Change all that lies outside."""
    shared = project.directory.parent / "shared"
    (shared / "side.txt").write_text("2\n")
    (shared / "tool.sh").write_text("echo 2\n")
    (shared / "helper.py").write_text("V = '2'\n")
    (shared / "list/b").write_text("")
    (shared.parent / "mod/workflow/of_module.py").write_text("V = '2'\n")


def _made(project: Project) -> str:
    return " ".join((project.directory / f"out/{n}.txt").read_text() for n in TOLD + MADE_UP)


def test_a_clone_has_its_own_files_beside_it(beside):
    assert beside.run(*IN_STORE).computed == sorted(TOLD + MADE_UP)
    assert beside.run(*IN_STORE).did_nothing
    equal = _cloned(beside, "equal")
    assert equal.run(*IN_STORE).computed == []
    other = _cloned(beside, "other")
    _edit(other)
    planned = other.run(*IN_STORE, "-n").messages
    assert any("../shared/side.txt has changed" in line for line in planned), planned
    assert other.run(*IN_STORE).computed == sorted(TOLD + MADE_UP)
    assert _made(other).split() == ["2", "2", "a", "b", *"2222"]
    for project in (beside, equal, other):
        assert project.run(*IN_STORE).did_nothing
    # Nothing depends on the directory that made it, where it was taken; nor ever, by `..`.
    _edit(beside)
    assert equal.run(*IN_STORE).did_nothing
    third = _cloned(equal, "third")
    assert third.run(*IN_STORE).computed == MADE_UP
    assert third.run(*IN_STORE).did_nothing
    # Where that is gone, the rest does not either.
    for project in (beside, third):
        shutil.rmtree(project.directory.parent)
    assert _cloned(equal, "fourth").run(*IN_STORE).computed == []
