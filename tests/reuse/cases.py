"""The table of adversarial cases: what must happen, with this plugin and with Snakemake's cache.

``python -m tests.reuse.cases`` prints it for the documentation.
"""

from .step import Case
from .table import (
    clones,
    commands,
    files,
    functions,
    in_turn,
    outputs,
    params,
    python,
    runs,
    scripts,
    undeclared,
)
from .unobserved import WRONG

CASES: list[Case] = [
    *files.CASES,
    *commands.CASES,
    *params.CASES,
    *undeclared.CASES,
    *in_turn.CASES,
    *scripts.CASES,
    *clones.CASES,
    *runs.CASES,
    *outputs.CASES,
    *functions.CASES,
    *python.CASES,
]


def markdown() -> str:
    """The table for the documentation."""
    rows = [
        "| | must run at last | seqstore | unobserved | `--cache` |",
        "|---|---|---|---|---|",
    ]
    for case in CASES:
        last = case.steps[-1]
        runs = ", ".join(f"`{rule}`" for rule in last.runs) or "nothing"
        if last.fails:
            runs = "fails"
        rows.append(
            f"| {case.title} | {runs} | right | {_said(unobserved(case))} | {_said(case.peer)} |"
        )
    return "\n".join(rows) + "\n"


def unobserved(case: Case) -> str:
    """What a case comes to where jobs can not be observed."""
    return "wrong" if case.name in WRONG else "right"


def _said(found: str) -> str:
    if found.startswith("runs "):
        return "right, but runs " + ", ".join(f"`{rule}`" for rule in found.split()[1:])
    return f"**{found}**" if found in ("wrong", "fails") else found


if __name__ == "__main__":
    print(markdown(), end="")
