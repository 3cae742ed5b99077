"""Software that Snakemake deploys, with stand-ins for Apptainer and Conda that do what it asks.

Every image and environment has a program ``tool``, which prints what it is called there.
"""

import shutil

import pytest

pytestmark = pytest.mark.slow

APPTAINER = ("--software-deployment-method", "apptainer")
CONDA = ("--software-deployment-method", "conda")
MODULES = ("--software-deployment-method", "env-modules")

# What it pulls is a file with the name of the image.
APPTAINER_PROGRAM = """\
#!/bin/bash
case $1 in
--version) echo "apptainer version 1.3.4" ;;
pull) echo "$4" > "$3" ;;
exec)
    while [ "$1" != -c ]; do image=$shell; shell=$1; shift; done
    name=$(cat "$image")
    PATH="$IMAGES/${name##*:}:$PATH" exec "$shell" -c "$2" ;;
esac
"""
# What it installs is a program that prints the line of its list that names it.
CONDA_PROGRAM = """\
#!/bin/bash
case "$1 $2" in
"info --json") echo '{"conda_prefix": "'"$PREFIX"'", "platform": "linux-64"}' ;;
"config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
--version*) echo "conda 24.7.1" ;;
*)
    while [ $# -gt 0 ]; do
        case $1 in --file) list=$2 ;; --prefix) prefix=$2 ;; esac
        shift
    done
    [ -n "$list" ] || exit 0  # it is asked what an environment has
    grep -q BROKEN "$list" && exit 1
    mkdir -p "$prefix/bin"
    printf '#!/bin/sh\\necho %s\\n' "$(grep -o 'tool.*' "$list")" > "$prefix/bin/tool"
    chmod +x "$prefix/bin/tool"
    mkdir -p "$prefix/conda-meta"
    echo '{"name": "tool", "version": "1", "build": "0", "files": ["bin/tool"]}' \\
        > "$prefix/conda-meta/tool-1-0.json" ;;
esac
"""

TOOL = """
    rule all:
        input: storage.seqstore("seqstore://files/a.txt")

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        {directive}
        shell: "ran a; (cat {{input}}; tool) > {{output}}"
    """


def program(path, text):
    """Install a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def update(prefix, prints):
    """Let a conda environment have another version of the tool."""
    program(prefix / "bin/tool", f"#!/bin/sh\necho {prints}\n")
    for said in prefix.glob("conda-meta/tool-1-0.json"):
        said.rename(said.with_name("tool-2-0.json"))


@pytest.fixture
def host(project):
    """A user who has Apptainer, Conda, and a tool of the host's."""
    around = project.directory.parent
    program(around / "host/tool", "#!/bin/sh\necho of the host\n")
    program(around / "host/apptainer", APPTAINER_PROGRAM)
    program(around / "host/conda", CONDA_PROGRAM)
    (around / "host/bin").mkdir()
    (around / "host/bin/activate").write_text('export PATH="$1/bin:$PATH"\n')
    project.environment |= {
        "PATH": f"{around / 'host'}:{project.environment['PATH']}",
        "PREFIX": str(around / "host"),
        "IMAGES": str(around / "images"),
    }
    project.write("abc\n", "in.txt")
    return project


def directive(project, text):
    """Let the rule have one more directive."""
    project.write(TOOL.format(directive=text))


def change_the_host(project):
    program(project.directory.parent / "host/tool", "#!/bin/sh\necho of another host\n")


DIGESTS = ("1" * 64, "2" * 64)
IMAGE = "docker://example/tool@sha256:"


def images(project):
    for name, prints in (*zip(DIGESTS, ("first", "second"), strict=True), ("latest", "latest")):
        path = project.directory.parent / "images" / name / "tool"
        program(path, f"#!/bin/sh\necho {prints}\n")


def test_a_container_by_its_digest(host):
    images(host)
    for digest, computed, made in (
        (DIGESTS[0], ["a"], "first"),
        (DIGESTS[1], ["a"], "second"),
        (DIGESTS[0], [], "first"),
    ):
        directive(host, f"container: '{IMAGE}{digest}'")
        assert host.run(*APPTAINER).computed == computed
        assert host.stored("a.txt") == f"abc\n{made}\n"
        assert host.run(*APPTAINER).did_nothing
    clone = host.clone()
    change_the_host(clone)
    assert clone.run(*APPTAINER).did_nothing
    clone.write("abd\n", "in.txt")
    assert clone.run(*APPTAINER).computed == ["a"]
    assert clone.stored("a.txt") == "abd\nfirst\n"


def test_a_container_that_is_a_local_file(host):
    """It counts by its content, not by its name."""
    images(host)
    for path, digest in zip(("a.sif", "b.sif"), DIGESTS, strict=True):
        (host.directory / path).write_text(f"{IMAGE}{digest}\n")
    directive(host, "container: 'a.sif'")
    assert host.run(*APPTAINER).computed == ["a"]
    assert host.stored("a.txt") == "abc\nfirst\n"
    clone = host.clone()
    (clone.directory / "a.sif").rename(clone.directory / "c.sif")
    directive(clone, "container: 'c.sif'")
    assert clone.run(*APPTAINER).did_nothing
    (clone.directory / "b.sif").rename(clone.directory / "c.sif")
    assert clone.run(*APPTAINER).computed == ["a"]
    assert clone.stored("a.txt") == "abc\nsecond\n"


def test_a_container_for_all_rules(host):
    images(host)
    directive(host, "")
    text = host.read("Snakefile")
    for digest, made in zip(DIGESTS, ("first", "second"), strict=True):
        (host.directory / "Snakefile").write_text(f"container: '{IMAGE}{digest}'\n{text}")
        assert host.run(*APPTAINER).computed == ["a"]
        assert host.stored("a.txt") == f"abc\n{made}\n"
        assert host.clone(made).run(*APPTAINER).did_nothing


def test_a_script_in_a_container(host):
    images(host)
    host.write("ran a; tool > ${snakemake_output[0]}\n", "scripts/a.sh")
    rule = TOOL.partition("shell:")[0] + "script: 'scripts/a.sh'"
    for digest, made in zip(DIGESTS, ("first", "second"), strict=True):
        host.write(rule.format(directive=f"container: '{IMAGE}{digest}'"))
        assert host.run(*APPTAINER).computed == ["a"]
        assert host.stored("a.txt") == f"{made}\n"
        assert host.clone(made).run(*APPTAINER).did_nothing


# A stand-in for R, which runs the last line of a script as a command.
RSCRIPT = """\
#!/bin/sh
for file; do :; done
cd "$PWD/.snakemake/storage/seqstore/files" && eval "$(tail -n 1 "$file" | cut -c 3-)"
"""


def test_r_is_reused_with_the_software_in_effect(host):
    for path in ("host", f"images/{DIGESTS[0]}"):
        program(host.directory.parent / path / "Rscript", RSCRIPT)
    host.write("# ran a; echo one > a.txt\n", "scripts/a.R")
    rule = TOOL.partition("shell:")[0] + "script: 'scripts/a.R'"
    host.write(rule.format(directive=f"container: '{IMAGE}{DIGESTS[0]}'"))
    assert host.run(*APPTAINER).computed == ["a"]
    assert host.stored("a.txt") == "one\n"
    clone = host.clone()
    assert clone.run(*APPTAINER).did_nothing
    clone.write("# ran a; echo two > a.txt\n", "scripts/a.R")
    assert clone.run(*APPTAINER).computed == ["a"]
    assert clone.stored("a.txt") == "two\n"
    other = clone.clone("other")
    assert other.run().computed == ["a"]  # by the host's
    assert other.clone("third").run().did_nothing


def test_a_container_by_a_tag(host):
    """It counts by its name: what is in a container is not seen, so a tag that moves is not."""
    images(host)
    program(host.directory.parent / "images/stable/tool", "#!/bin/sh\necho stable\n")
    for tag, computed in (("latest", ["a"]), ("stable", ["a"]), ("latest", [])):
        directive(host, f"container: 'docker://example/tool:{tag}'")
        done = host.run(*APPTAINER)
        assert done.computed == computed
        assert "is not reused" not in done.printed
        assert host.stored("a.txt") == f"abc\n{tag}\n"
        assert host.run(*APPTAINER).did_nothing
    program(host.directory.parent / "images/latest/tool", "#!/bin/sh\necho later\n")
    clone = host.clone()
    change_the_host(clone)
    assert clone.run(*APPTAINER).did_nothing
    clone.write("abd\n", "in.txt")
    assert clone.run(*APPTAINER).computed == ["a"]
    assert clone.stored("a.txt") == "abd\nlater\n"


def test_what_is_not_deployed_does_not_count(host):
    """Without --software-deployment-method, the programs of the host do."""
    directive(host, "container: 'docker://example/tool:latest'")
    assert host.run().computed == ["a"]
    assert host.stored("a.txt") == "abc\nof the host\n"
    for text in ("", "conda: 'a-name'", "conda: 'envs/tool.yaml'", "envmodules: 'tool/1.0'"):
        directive(host, text)
        host.write("dependencies: [tool]\n", "envs/tool.yaml")
        assert host.run().did_nothing
    change_the_host(host)
    assert host.run().computed == ["a"]
    assert host.stored("a.txt") == "abc\nof another host\n"


def pin(project, version, name="tool"):
    project.write(f"channels: [x]\ndependencies: [{name}]\n", "envs/tool.yaml")
    project.write(f"@EXPLICIT\nhttps://x/linux-64/{version}\n", "envs/tool.linux-64.pin.txt")


def test_a_conda_environment_with_pins(host):
    directive(host, "conda: 'envs/tool.yaml'")
    for version, computed in (("tool-1", ["a"]), ("tool-2", ["a"]), ("tool-1", [])):
        pin(host, version)
        assert host.run(*CONDA).computed == computed
        assert host.stored("a.txt") == f"abc\n{version}\n"
        assert host.run(*CONDA).did_nothing
    clone = host.clone()
    change_the_host(clone)
    assert clone.run(*CONDA).did_nothing
    clone.write("abd\n", "in.txt")
    assert clone.run(*CONDA).computed == ["a"]
    assert clone.stored("a.txt") == "abd\ntool-1\n"


@pytest.mark.parametrize("how", ["no pins", "a name", "pins that cannot be installed"])
def test_a_conda_environment_without_pins(host, how):
    """It counts by its text, and by the programs in it that were seen to run."""
    around = host.directory.parent
    arguments = (*CONDA, "--conda-prefix", str(around / "environments"))
    directive(host, "conda: 'envs/tool.yaml'")
    made = "tool]"
    if how == "no pins":
        host.write("dependencies: [tool]\n", "envs/tool.yaml")
    elif how == "a name":
        directive(host, f"conda: '{around / 'named'}'")
        program(around / "named/bin/tool", "#!/bin/sh\necho named\n")
        made = "named"
    else:
        pin(host, "BROKEN")
    done = host.run(*arguments)
    assert done.computed == ["a"]
    assert "is not reused" not in done.printed
    assert host.stored("a.txt") == f"abc\n{made}\n"
    assert host.run(*arguments).did_nothing
    clone = host.clone()
    change_the_host(clone)
    assert clone.run(*arguments).did_nothing
    installed = "named" if how == "a name" else "environments/*"
    (tool,) = around.glob(f"{installed}/bin/tool")
    update(tool.parent.parent, "updated")
    other = clone.clone("other")
    assert other.run(*arguments).computed == ["a"]
    assert other.stored("a.txt") == "abc\nupdated\n"
    assert other.run(*arguments).did_nothing
    assert other.clone("third").run(*arguments).did_nothing
    if how == "a name":
        other_name = around / "another"
        program(other_name / "bin/tool", "#!/bin/sh\necho another\n")
        directive(other, f"conda: '{other_name}'")
    else:
        other.write("dependencies: [x, tool-3]\n", "envs/tool.yaml")
    assert other.run(*arguments).computed == ["a"]
    assert other.stored("a.txt") == f"abc\n{'another' if how == 'a name' else 'tool-3]'}\n"


def test_a_conda_environment_that_is_not_here(host):
    """The host's program of the same name says nothing of it: it is not what would run."""
    directive(host, "conda: 'envs/tool.yaml'")
    host.write("dependencies: [tool]\n", "envs/tool.yaml")
    assert host.run(*CONDA).computed == ["a"]
    shutil.rmtree(host.directory / ".snakemake/conda")
    clone = host.clone()
    assert clone.run(*CONDA).did_nothing
    assert host.run(*CONDA).did_nothing
    clone.write("abd\n", "in.txt")
    assert clone.run(*CONDA).computed == ["a"]
    assert clone.stored("a.txt") == "abd\ntool]\n"


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_conda_environment_of_a_clone(host, mode):
    """It is the environment here that would run a job, wherever the one lies that did."""
    directive(host, "conda: 'envs/tool.yaml'")
    text = host.read("Snakefile").replace("(workflow)", f"(workflow, observe={mode!r})")
    (host.directory / "Snakefile").write_text(text)
    host.write("dependencies: [tool]\n", "envs/tool.yaml")
    assert host.run(*CONDA).computed == ["a"]
    clone, other = host.clone(), host.clone("other")
    for project in (clone, other):
        if project is other:
            assert project.run(*CONDA).did_nothing
        project.run(*CONDA, "--conda-create-envs-only")
        (tool,) = project.directory.glob(".snakemake/conda/*/bin/tool")
        assert project.run(*CONDA).did_nothing
        update(tool.parent.parent, "updated")
        computed = [] if project is other else ["a"]  # it stands where it was used before
        assert project.run(*CONDA).computed == computed
        assert project.run(*CONDA).did_nothing
    assert clone.stored("a.txt") == "abc\nupdated\n"
    shutil.rmtree(host.directory / ".snakemake/conda")
    assert host.run(*CONDA).did_nothing
    assert host.clone("third").run(*CONDA).did_nothing


def test_environment_modules(host):
    """They count by their names, and by the programs that were seen to run."""
    around = host.directory.parent
    host.environment |= {
        "MODULES": str(around / "modules"),
        "BASH_FUNC_module%%": '() { [ "$1" != load ] || PATH="$MODULES/$2:$PATH"; }',
    }
    for version in ("1.0", "2.0"):
        program(around / f"modules/tool/{version}/tool", f"#!/bin/sh\necho {version}\n")
    for version, computed in (("1.0", ["a"]), ("2.0", ["a"]), ("1.0", [])):
        directive(host, f"envmodules: 'tool/{version}'")
        done = host.run(*MODULES)
        assert done.computed == computed
        assert "is not reused" not in done.printed
        assert host.stored("a.txt") == f"abc\n{version}\n"
        assert host.run(*MODULES).did_nothing
    clone = host.clone()
    change_the_host(clone)
    assert clone.run(*MODULES).did_nothing
    program(around / "modules/tool/1.0/tool", "#!/bin/sh\necho 1.0 built again\n")
    other = clone.clone("other")
    assert other.run(*MODULES).computed == ["a"]
    assert other.stored("a.txt") == "abc\n1.0 built again\n"
    assert other.clone("third").run(*MODULES).did_nothing
