"""The workflow of the random walk, and what it must give: computed here, without Snakemake."""

from dataclasses import dataclass, field
from typing import Any

SNAKEFILE = """\
from glob import glob

configfile: "config.yaml"
SCALE = config["scale"]

def measured(wildcards):
    parts = sorted(glob("*", root_dir=checkpoints.split.get().output[0]))
    return [f"measured/{part}.txt" for part in parts]

rule all:
    input: local("report.txt"), "joined.txt"

rule clean:
    input: local("texts/{s}.txt")
    output: local("clean/{s}.txt")
    shell: "echo half > {output}; ran clean-{wildcards.s}; tr a-z A-Z < {input} > {output}"

rule trim:
    input: local("clean/{s}.txt")
    output: temp(local("trim/{s}.txt"))
    shell: "echo half > {output}; ran trim-{wildcards.s}; tail -n 1 {input} > {output}"

rule score:
    input: trim=local("trim/{s}.txt"), ref=storage.seqstore("seqstore://files/reference.txt")
    output: "score/{s}.txt", "score/{s}.log"
    params: top=config["top"]
    shell:
        "(cat {input.trim}; echo {params.top}) > {output[0]}; ran score-{wildcards.s}; "
        "cat {input.ref} > {output[1]}"

rule table:
    input: "score/{s}.txt"
    output: local("table/{s}.txt")
    shell: "echo half > {output}; ran table-{wildcards.s}; rev {input} > {output}"

checkpoint split:
    input: local("lines.txt")
    output: directory("parts")
    shell: "mkdir {output}; echo half > {output}/half; ran split; rm {output}/half; "
        "split -l 1 {input} {output}/"

rule measure:
    input: "parts"
    output: "measured/{part}.txt"
    run:
        shell("echo half > {output}; ran measure-{wildcards.part}")
        with open(f"{input}/{wildcards.part}") as part, open(output[0], "w") as file:
            file.write(part.read() * SCALE)

rule weigh:
    input: measured
    output: "weights.txt"
    params: unit=config["unit"]
    script: "scripts/weigh.py"

rule join:
    input:
        [local(f"table/{s}.txt") for s in config["samples"]],
        [f"score/{s}.log" for s in config["samples"]],
        "weights.txt",
    output: "joined.txt"
    shell: "echo half > {output}; ran join; cat {input} > {output}"

rule report:
    input: "joined.txt"
    output: local("report.txt")
    shell: "echo half > {output}; ran report; cat {input} > {output}"
"""
SCRIPT = """\
import subprocess

with open(snakemake.output[0], "w") as file:
    file.write("half\\n")
subprocess.run(["ran", "weigh"], check=True)
with open(snakemake.output[0], "w") as file:
    print({version}, snakemake.params.unit, file=file)
    for path in snakemake.input:
        with open(path) as measured:
            file.write(measured.read())
"""
# Few, so that a walk comes back to what was there before, and equal in size. The first rules do not
# show all that differs between them.
TEXTS = ("a\nx\n", "b\nx\n", "a\ny\n")
LINES = ("one\ntwo\n", "two\none\n", "one\nsix\n", "one\n")
REFERENCES = ("red\n", "tan\n")
VERSIONS = (1, 2)
CONFIG = {
    "samples": (["p", "q"], ["q", "p"], ["p"], ["p", "q", "r"]),
    "top": (1, 2, "1"),
    "unit": ("g", "t"),
    "scale": (1, 2),
}


@dataclass
class State:
    """All that a working directory's results depend on, but for what is in the store."""

    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys("pqr", TEXTS[0]))
    lines: str = LINES[0]
    version: int = VERSIONS[0]
    config: dict[str, Any] = field(default_factory=lambda: {k: v[0] for k, v in CONFIG.items()})
    edited: dict[str, str] = field(default_factory=dict)  # local intermediates, by sample


def sources(state: State) -> dict[str, str]:
    """The files of a working directory, by name."""
    return {
        "lines.txt": state.lines,
        "scripts/weigh.py": SCRIPT.format(version=state.version),
        "config.yaml": repr(state.config),
        **{f"texts/{s}.txt": text for s, text in state.texts.items()},
    }


def expected(state: State, reference: str) -> tuple[str, dict[str, Any]]:
    """The content of the report, and for each job whose results are stored all that it reads."""
    reads: dict[str, Any] = {}
    tables, logs = [], []
    for s in state.config["samples"]:
        clean = state.edited.get(s) or state.texts[s].upper()
        trim = clean.splitlines(True)[-1]
        reads[f"score-{s}"] = trim, reference, repr(state.config["top"])
        score = f"{trim}{state.config['top']}\n"
        tables.append((s, "".join(line[::-1] + "\n" for line in score.splitlines())))
        logs.append(reference)
    reads["split"] = state.lines
    parts = dict(zip(("aa", "ab"), state.lines.splitlines(True), strict=False))
    measured = {part: line * state.config["scale"] for part, line in parts.items()}
    for part in parts:
        reads[f"measure-{part}"] = sorted(parts.items()), state.config["scale"]
    reads["weigh"] = sorted(measured.items()), state.config["unit"], state.version
    weights = f"{state.version} {state.config['unit']}\n" + "".join(measured.values())
    reads["join"] = tables, logs, weights
    return "".join([*(table for _, table in tables), *logs, weights]), reads


def jobs(state: State) -> list[str]:
    """All jobs of a workflow."""
    local = [f"{rule}-{s}" for s in state.config["samples"] for rule in ("clean", "trim", "table")]
    return [*expected(state, "")[1], *local, "report"]
