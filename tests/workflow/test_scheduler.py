"""What Snakemake's scheduler is spared."""

import asyncio
from types import SimpleNamespace

from snakemake.scheduling.job_scheduler import JobScheduler

from snakemake_storage_plugin_seqstore.workflow.snakemake_changes import spare_rounds


class File(str):
    """An input that counts how often its size is asked for."""

    asked = 0

    async def exists(self) -> bool:
        return True

    async def size(self) -> int:
        self.asked += 1
        return len(self)


class Scheduler(JobScheduler):
    def __init__(self) -> None:
        self._input_sizes = {}
        spare_rounds(SimpleNamespace(scheduler=self))


def ask(scheduler: Scheduler, *jobs: SimpleNamespace) -> None:
    asyncio.run(scheduler.update_input_sizes(jobs))
    assert all(scheduler._input_sizes[file] == len(file) for job in jobs for file in job.input)


def test_a_size_is_asked_for_once() -> None:
    jobs = [SimpleNamespace(input=[File(f"{i}")]) for i in range(5)]
    made = Scheduler()
    for _ in range(3):
        ask(made, *jobs)
    assert [job.input[0].asked for job in jobs] == [1] * 5


def test_all_are_known_when_it_forgets_some() -> None:
    """It keeps those of some 10,000 files that it was asked for last."""
    small = [SimpleNamespace(input=[File(f"{i}")]) for i in range(100)]
    wide = [SimpleNamespace(input=[File(f"{n}.{i}") for i in range(9950)]) for n in range(2)]
    made = Scheduler()
    ask(made, *small)
    ask(made, *small, wide[0])
    ask(made, *small, *wide)
    ask(made, *small, wide[1])
