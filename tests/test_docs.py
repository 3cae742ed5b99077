"""Every example in the documentation runs: a document's blocks in turn, in one directory.

- ``yaml``: becomes the profile, which Snakemake reads by itself
- ``snakemake``: becomes the Snakefile, and runs to its end
- ``python``: runs
- ``console``: lines behind ``$`` run in bash; the lines below are what they print, where ``...``
  stands for anything
- ``json``: can be parsed, with ``...`` for what is left out
- ``text``, ``mermaid``: are not run

Wherever it stands, /shared/lab is a directory of the test.
"""

import json
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
LINK = re.compile(r"\]\(([^)#]+)")
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
        text = block.text.replace("/shared/lab", str(tmp_path / "lab"))
        match block.language:
            case "text" | "mermaid":
                pass
            case "yaml":
                profile = tmp_path / "profiles/default/config.yaml"
                profile.parent.mkdir(parents=True, exist_ok=True)
                profile.write_text(text)
            case "snakemake":
                (tmp_path / "Snakefile").write_text(text)
                snakemake(tmp_path)
            case "python":
                run([sys.executable, "-c", text], tmp_path, environment)
            case "json":
                json.loads(text.replace("...", ""))
            case "console":
                commands = COMMAND.findall(text)
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert not [link for link in links if not (document.parent / link).exists()]


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
