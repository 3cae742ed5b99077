"""Random steps in two working directories that share a store; each run must give what is right.

What that is, `walk.expected` computes without Snakemake. A failure prints the steps that led to it,
and comes back with its seed; any other seed may be put into `SEEDS`.
"""

import os
import random
import shutil
from typing import Any

import pytest

from snakemake_storage_plugin_seqstore.store import maintenance
from tests.reuse_workflows import walk
from tests.reuse_workflows.conftest import IN_STORE, Project, Run

pytestmark = pytest.mark.slow

SEEDS = range(4)
STEPS = 8
LONG_AGO = 1_500_000_000.0  # s since the epoch


class Clone(Project):
    """A working directory of the workflow, and what its results depend on."""

    def __init__(self, like: Project, name: str) -> None:
        super().__init__(like.directory.parent / name, like.store.root, like.environment)
        self.state = walk.State()
        self.is_interrupted = False
        self.write(walk.SNAKEFILE)
        for name, content in walk.sources(self.state).items():
            self.write(content, name)

    def edit(self, name: str, time: float | None = None) -> None:
        """Write a source as it is to be now, perhaps with an old time."""
        self.write(walk.sources(self.state)[name], name)
        if time:
            os.utime(self.directory / name, (time, time))

    def start(self, *arguments: str, **more: Any) -> Any:
        again = ["--rerun-incomplete"] if self.is_interrupted else []
        return super().start(*IN_STORE, *arguments, *again, **more)

    def remove(self, *names: str) -> None:
        """Remove files and directories, also together with what is edited in them by hand."""
        for name in names:
            path = self.directory / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if name == "clean":
                self.state.edited.clear()


class Walk:
    """One random walk: what happens, what must hold, and what may not be computed any more."""

    def __init__(self, seed: int, project: Project) -> None:
        self.random = random.Random(seed)
        self.store = project.store
        self.clones = [Clone(project, "one"), Clone(project, "two")]
        self.scratch = project.directory / "scratch"
        self.known: set[str] = set()  # computed since the store was last damaged
        self.publish_source(self.clones[0], walk.REFERENCES[0])

    def step(self) -> None:
        """Let a few things happen, then run."""
        clone = self.random.choice(self.clones)
        events = self.random.choices(EVENTS, k=self.random.randint(1, 4))
        for event in (*events, self.random.choice(RUNS)):
            print(clone.directory.name, event.__name__)
            event(self, clone)

    def pick(self, values: Any, other_than: Any = None) -> Any:
        found = self.random.choice([value for value in values if value != other_than])
        print("   ", repr(found))
        return found

    # What happens in a working directory.

    def edit_text(self, clone: Clone) -> None:
        """Edit what a local rule reads: Snakemake knows it by its time, which has to be new."""
        sample, texts = self.pick("pqr"), clone.state.texts
        if sample not in clone.state.edited:
            texts[sample] = self.pick(walk.TEXTS, texts[sample])
            clone.edit(f"texts/{sample}.txt")

    def edit_lines(self, clone: Clone) -> None:
        """Edit what a stored rule reads, whatever its time may say."""
        before = (clone.directory / "lines.txt").stat().st_mtime
        clone.state.lines = self.pick(walk.LINES, clone.state.lines)
        clone.edit("lines.txt", self.pick((None, before, LONG_AGO)))

    def edit_script(self, clone: Clone) -> None:
        clone.state.version = self.pick(walk.VERSIONS, clone.state.version)
        clone.edit("scripts/weigh.py", self.pick((None, LONG_AGO)))

    def edit_config(self, clone: Clone) -> None:
        name = self.pick(walk.CONFIG)
        clone.state.config[name] = self.pick(walk.CONFIG[name], clone.state.config[name])
        clone.edit("config.yaml")

    def edit_intermediate(self, clone: Clone) -> None:
        """A local intermediate counts as what it contains, as with Snakemake alone."""
        if not clone.is_interrupted:
            sample = self.pick("pqr")
            clone.state.edited[sample] = self.pick(("HAND\nX\n", "HAND\nZ\n"))
            clone.write(clone.state.edited[sample], f"clean/{sample}.txt")

    def delete_results(self, clone: Clone) -> None:
        clone.remove(self.pick(("clean", "table", "report.txt")))

    def forget(self, clone: Clone) -> None:
        if not clone.is_interrupted:  # only Snakemake knows which local results are whole then
            clone.remove(self.pick((".snakemake", ".snakemake/seqstore")))

    def clone_afresh(self, clone: Clone) -> None:
        clone.remove("clean", "trim", "table", "report.txt", ".snakemake")
        clone.is_interrupted = False

    def interrupt(self, clone: Clone) -> None:
        """Kill a run in the middle of a job."""
        clone.environment["KILLED"] = self.pick(walk.jobs(clone.state))
        if clone.finish(clone.start()).status:
            clone.is_interrupted = True
            clone.run("--unlock")
        del clone.environment["KILLED"]

    def look(self, clone: Clone) -> None:
        before = clone.listing()
        clone.run("--dry-run")
        assert clone.listing() == before

    # What others do in the store.

    def publish_source(self, clone: Clone, content: str = "") -> None:
        self.reference = content or self.pick(walk.REFERENCES)
        self.scratch.write_text(self.reference)
        self.store.publish("files", "reference.txt", self.scratch)

    def publish_otherwise(self, clone: Clone) -> None:
        """Give another meaning to the name of a result."""
        self.scratch.write_text("otherwise\n")
        self.store.publish("files", self.pick(("joined.txt", "score/p.txt")), self.scratch)

    def damage(self, clone: Clone) -> None:
        """Truncate or remove some payloads or records."""
        files = self.store.root.glob(self.pick(("objects/*/*", "records/*/*/*")))
        remains = self.pick((0, 0.5))
        for path in sorted(files):
            if self.random.random() < 0.3:
                os.truncate(path, int(path.stat().st_size * remains)) if remains else path.unlink()
        self.known.clear()
        self.publish_source(clone, self.reference)  # nobody can make it again

    def collect_garbage(self, clone: Clone) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(maintenance, "GRACE", 0)
            maintenance.collect_garbage(self.store, older_than=0)
        self.known.clear()

    # Runs, and what must hold after them.

    def run(self, clone: Clone, *arguments: str) -> Run:
        done = clone.run(*arguments)
        self.check(clone, done, set() if arguments else self.known)
        return done

    def run_both(self, clone: Clone) -> None:
        """Run in both working directories at the same time."""
        processes = [each.start() for each in self.clones]
        runs = [each.finish(process) for each, process in zip(self.clones, processes, strict=True)]
        known = self.known.copy()
        for each, done in zip(self.clones, runs, strict=True):
            assert done.status == 0, done.printed
            self.check(each, done, known)

    def force(self, clone: Clone) -> None:
        rule = self.pick(("score", "table", "split", "weigh"))
        assert rule in "".join(self.run(clone, "--forcerun", rule).computed)

    def force_all(self, clone: Clone) -> None:
        if clone.is_interrupted:  # of copies that a killed run left, Snakemake says: protected
            self.run(clone)
        clone.state.edited.clear()
        assert set(self.run(clone, "--forceall").computed) == set(walk.jobs(clone.state))

    def touch(self, clone: Clone) -> None:
        """What is right stays so when it is touched."""
        self.run(clone)
        clone.run("--touch")
        self.run(clone)

    def check(self, clone: Clone, done: Run, known: set[str]) -> None:
        """The result is right, nothing was computed again, and nothing is left to do."""
        clone.is_interrupted = False
        report, reads = walk.expected(clone.state, self.reference)
        assert clone.read("report.txt") == report
        stored = {repr((job, reads[job])) for job in done.computed if job in reads}
        assert not stored & known, done.printed
        self.known |= stored
        after = clone.run("--dry-run")
        assert after.did_nothing, after.printed


EVENTS = [
    *[Walk.edit_config] * 6,
    *[Walk.edit_text, Walk.edit_lines, Walk.edit_script] * 2,
    *(Walk.edit_intermediate, Walk.delete_results, Walk.forget, Walk.clone_afresh),
    *(Walk.interrupt, Walk.look, Walk.publish_source, Walk.publish_otherwise),
    *(Walk.damage, Walk.collect_garbage),
]
RUNS = [*[Walk.run] * 8, Walk.run_both, Walk.force, Walk.force_all, Walk.touch]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_walk(project, seed):
    walked = Walk(seed, project)
    for _ in range(STEPS):
        walked.step()
