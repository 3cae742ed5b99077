"""Every example in the documentation runs: a document's blocks in turn, in one directory.

- ``snakemake``: becomes the Snakefile, and runs to its end
- ``python``: runs
- ``console``: lines behind ``$`` run in bash; the lines below are what they print, where ``...``
  stands for anything
- ``text``: is not run
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for match in BLOCK.finditer(text):
        yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples(
    document: Path, tmp_path: Path, snakemake: Callable, environment: dict[str, str]
) -> None:
    shutil.copy(ROOT / "wrappers/sequences/build/test/proteins.fasta", tmp_path)
    for block in blocks(document):
        where = f"{document.name}, line {block.line}"
        print(where)
        match block.language:
            case "text":
                pass
            case "snakemake":
                (tmp_path / "Snakefile").write_text(block.text)
                snakemake(tmp_path)
            case "python":
                run([sys.executable, "-c", block.text], tmp_path, environment)
            case "console":
                commands = COMMAND.findall(block.text)
                assert commands, f"{where}: no line begins with $"
                for command, expected in commands:
                    printed = run(["bash", "-ec", command], tmp_path, environment)
                    pattern = re.escape(expected).replace(r"\.\.\.", ".*")
                    assert not expected or re.fullmatch(pattern, printed, re.DOTALL), (
                        where,
                        printed,
                    )
            case _:
                pytest.fail(f"{where}: the block is of no known kind, '{block.language}'")


def run(command: list[str], directory: Path, environment: dict[str, str]) -> str:
    process = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout
