"""The numbers by which the inputs of a job count.

They count in the order of the rule. But what a function gives to ``unpack()`` has names, and comes
in the order of a dict, which may be that of a set: another one in each process. So it counts in
alphabetical order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.workflow import snakemake_api

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

Names = dict[str, tuple[int, int | None]]


def places(job: Job) -> Sequence[int]:
    """The places of the inputs of a job, in the order in which they count."""
    if not snakemake_api.unpacks(job.rule):
        return range(len(job.input))
    written = {name for name, _ in job.rule.input._get_names()}
    unpacked = {
        start: (name, range(start, start + 1 if end is None else end))
        for name, (start, end) in job.input._get_names()
        if name not in written and end != start
    }
    found: list[int] = []
    together: list[tuple[str, range]] = []  # what is given at once
    place = 0
    while place < len(job.input):
        if part := unpacked.get(place):
            together.append(part)
            place = part[1].stop
            continue
        found += [*_in_order(together), place]
        together = []
        place += 1
    return found + _in_order(together)


def numbers(job: Job) -> Sequence[int]:
    """The number of each input of a job, by its place."""
    found = places(job)
    if isinstance(found, range):
        return found
    inverse = [0] * len(found)
    for number, place in enumerate(found):
        inverse[place] = number
    return inverse


def in_order(job: Job) -> list[File]:
    """The inputs of a job in the order in which they count."""
    return [job.input[place] for place in places(job)]


def names(job: Job) -> Names:
    """What has a name: the number of the first input, and that behind the last; None if single."""
    given: Names = dict(job.input._get_names())
    number = numbers(job)
    if isinstance(number, range):
        return given
    return {
        name: (0, 0) if start == end else (number[start], end and number[start] + end - start)
        for name, (start, end) in given.items()
    }


def _in_order(parts: list[tuple[str, range]]) -> list[int]:
    return [place for _, span in sorted(parts, key=lambda part: part[0]) for place in span]
