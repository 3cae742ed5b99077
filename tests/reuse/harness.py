"""Runs a case with real Snakemake: with this plugin, observed or not, or with Snakemake's cache."""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from snakemake_storage_plugin_seqstore import Store
from tests import forked

from .step import Case, Step

OURS = "seqstore"
UNOBSERVED = "seqstore without observer"
PEER = "--cache"

_ALL = re.MULTILINE | re.DOTALL
_RULE = re.compile(r"^((?:rule|checkpoint) \w+:)\n((?: .*\n|\n)*)", re.MULTILINE)
_SHELL_STARTED = "+ set -euo pipefail\n"  # bash traces it at the start of each job's command


class World:
    """The directories of one case: clones of the workflow, and what they share.

    Parameters
    ----------
    root : Path
        An empty directory.
    kind : str
        What makes results reusable: `OURS`, `UNOBSERVED` or `PEER`.
    environment : mapping
        Environment of Snakemake.
    """

    def __init__(self, root: Path, kind: str, environment: Mapping[str, str]) -> None:
        self.root = root
        self.kind = kind
        self.store = Store(root / "store")
        self.cache = root / "cache"
        self.cache.mkdir()
        self._environment = dict(environment)
        self._clones = 0
        self._files: dict[str, str] = {}
        self.results: list[str] = []
        self.directory = self._new_directory()

    def run(self, step: Step) -> "Outcome":
        """Take one step of a case."""
        if step.in_clone:
            self.directory = self._new_directory()
            for name, content in self._files.items():
                self._write(name, content)
        for name, content in step.files.items():
            self._write(name, content)
            self._files[name] = content
        if step.change:
            step.change(self)
        (self.directory / "Snakefile").write_text(self._snakefile(step))
        return self._snakemake(step)

    def payloads(self) -> list[Path]:
        """Files with the bytes of results."""
        if self.kind == PEER:
            return [path for path in self.cache.iterdir() if path.is_file()]
        return [path for path in (self.store.root / "objects").rglob("*") if path.is_file()]

    def _new_directory(self) -> Path:
        self._clones += 1
        directory = self.root / f"clone{self._clones}"
        directory.mkdir()
        return directory

    def _write(self, name: str, content: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if self.kind == PEER and name.endswith(".smk"):
            content = _RULE.sub(_with_cache, content)
        path.write_text(content)
        if content.startswith("#!"):
            path.chmod(0o755)

    def _snakefile(self, step: Step) -> str:
        targets = ", ".join(
            target if target.startswith("local(") else repr(target) for target in step.targets
        )
        show = step.show.replace("{", "{{").replace("}", "}}").replace("{{input}}", "{input}")
        head = ""
        if self.kind != PEER:
            observe = ["observe='off'"] if self.kind == UNOBSERVED else []
            arguments = ", ".join(["workflow", *observe, *([step.reuse] if step.reuse else [])])
            head = (
                "import snakemake_storage_plugin_seqstore as seqstore\n"
                f"seqstore.reuse({arguments})\n"
            )
        rules = textwrap.dedent(step.rules).lstrip("\n")
        if self.kind == PEER:
            rules = _RULE.sub(_with_cache, rules)
        return (
            f"{head}rule show:\n    input: {targets}\n    output: local('result.txt')\n"
            f"    shell: {'(' + show + ') > {output}'!r}\n\n{rules}"
        )

    def _snakemake(self, step: Step) -> "Outcome":
        arguments = ["--cores", "1", *step.args]
        environment = self._environment | {
            "SHELLOPTS": "xtrace",
            **{
                name: value.format(root=self.root, **self._environment)
                for name, value in step.env.items()
            },
        }
        if self.kind != PEER:
            arguments += ["--storage-seqstore-root", str(self.store.root)]
            arguments += ["--default-storage-provider", "seqstore"]
            arguments += ["--default-storage-prefix", "seqstore://files"]
        else:
            arguments.append("--cache")
            environment["SNAKEMAKE_OUTPUT_CACHE"] = str(self.cache)
        process = forked.run(arguments, self.directory, environment, timeout=60)
        result = self.directory / "result.txt"
        self.results.append(result.read_text() if result.exists() else "")
        return Outcome(process.stdout, process.returncode != 0, self.results[-1])


class Outcome:
    """What a run of Snakemake came to."""

    def __init__(self, printed: str, failed: bool, result: str) -> None:
        self.printed = printed
        self.failed = failed
        self.result = result

    @property
    def computed(self) -> Counter[str]:
        """How many jobs of each rule ran; `show` does not count."""
        found: Counter[str] = Counter()
        # One job at a time: what is printed up to its end belongs to it.
        for job in re.findall(r".*?^Finished jobid: \d+ \(Rule: \w+\)$", self.printed, _ALL):
            rule = job[job.rindex(" ") + 1 : -1]
            cached = "from cache" in job and "to cache" not in job
            if rule != "show" and not cached and "was not computed but fetched" not in job:
                found[rule] += 1
        return found

    @property
    def shells(self) -> int:
        """How many commands ran, as bash has it, without that of `show`."""
        return self.printed.count(_SHELL_STARTED) - ("(Rule: show)" in self.printed)


def is_right(step: Step, results: list[str]) -> bool:
    """Whether a user reads what must be there."""
    expected = step.result
    return results[-1] == expected if isinstance(expected, str) else expected(results)


def grade(case: Case, world: World) -> str:
    """What a case comes to, in the words of `Case`."""
    unneeded: Counter[str] = Counter()
    for step in case.steps:
        outcome = world.run(step)
        print(outcome.printed)
        unneeded += outcome.computed - Counter(step.runs)
        if outcome.failed and not step.fails:
            return "fails"
        if outcome.failed != step.fails or not is_right(step, world.results):
            return "wrong"
    return " ".join(["runs", *sorted(unneeded)] if unneeded else ["right"])


def _with_cache(match: re.Match[str]) -> str:
    head, body = match.groups()
    return match[0] if "output: local(" in body else f"{head}\n    cache: True\n{body}"
