"""Words for the user: what is reused, what is not, and what differs from last time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Record
from snakemake_storage_plugin_seqstore.store.parsing import printable
from snakemake_storage_plugin_seqstore.unknown import NotYet
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.asked import Asked
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.differences import differences
from snakemake_storage_plugin_seqstore.workflow.files import label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.plan import is_forced
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution
from snakemake_storage_plugin_seqstore.workflow.stores import Stores

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, Job

logger = logging.getLogger(__name__)

_MOST_NAMES = 3  # of outputs in a message
_MOST_REASONS = 6


def duration(seconds: float) -> str:
    """A time for people: ``3 h 20 min``."""
    from humanfriendly import format_timespan

    return str(format_timespan(seconds if seconds < 10 else round(seconds)))


class Kind(Enum):
    """What there is to say of outputs: of one, of more."""

    CHANGED = ("{} is not what it was: {}", "{} are not what they were: {}")
    FAILING = ("{}: {}", "{}: {}")
    LACKING = ("{} is made again: {}", "{} are made again: {}")
    GONE = (
        "{} is made again if it is needed: its stored bytes are gone",
        "{} are made again if they are needed: their stored bytes are gone",
    )
    UNCLAIMED = (
        "{} is here, but no run with seqstore made it: its job runs and replaces it, where "
        "`snakemake --touch` would take it over",
        "{} are here, but no run with seqstore made them: their jobs run and replace them, where "
        "`snakemake --touch` would take them over",
    )


@dataclass(frozen=True)
class Reason:
    """Why a job will run.

    Parameters
    ----------
    kind : Kind
        What there is to say.
    details : tuple of str
        What has changed.
    """

    kind: Kind
    details: tuple[str, ...] = ("",)


class Messages:
    """Tells the user about each resolution what was not told before.

    Parameters
    ----------
    stores : Stores
        Where earlier records are.
    claims : Claims
        What the working directory had before.
    """

    def __init__(self, stores: Stores, claims: Claims) -> None:
        self._stores = stores
        self._claims = claims
        self._told: set[str] = set()
        self._told_reasons: set[tuple[str, Kind, str]] = set()
        self._summed_up: set[str] = set()

    def report_foreign(self, resolution: Resolution) -> None:
        """Tell where files of the user are; checkpoints may leave the DAG before it is final."""
        for resolved in resolution.jobs.values():
            for path in resolved.foreign:
                self.tell_foreign(path)

    def report(self, resolution: Resolution, dag: DAG) -> None:
        """Tell what is reused, what is not and why, and what changed, once the DAG is known."""
        refused: Counter[str] = Counter()
        asked = Asked(dag).jobs
        reasons: dict[Job, Reason] = {}
        alone: dict[Job, list[str]] = {}
        for job, resolved in resolution.jobs.items():
            if job not in asked or not any(stored(file) for file in job.output):
                continue
            if resolved.is_hit:
                if resolved.record and (
                    left := resolution.side_files.not_here(job, resolved.record)
                ):
                    alone[job] = left
                if logger.isEnabledFor(logging.DEBUG):
                    logger.debug(f"seqstore: reused: {_named(job)}")
            elif resolved.reason is None:
                if reason := self.why(job, resolved):
                    reasons[job] = reason
            elif not isinstance(resolved.reason, NotYet):
                refused[f"rule {job.rule.name} is not reused: {resolved.reason}"] += 1
        self._tell_reasons(reasons)
        self._tell_alone(alone)
        for message, jobs in refused.items():
            self.tell(message + (f" ({jobs} jobs)" if jobs > 1 else ""))
        self._sum_up({job: resolution.jobs[job] for job in resolution.jobs if job in asked})

    def why(self, job: Job, resolved: Resolved) -> Reason | None:
        """Why a job that is told something known will run, if there is something to compare with.

        None if nothing is known of an earlier result.
        """
        assert resolved.told
        if resolved.failing:
            return Reason(Kind.FAILING, tuple(resolved.failing))
        if resolved.lacks:
            return Reason(Kind.LACKING, (printable(resolved.lacks),))
        if resolved.record:
            if self._stores.has_payloads(job, resolved.record) or _is_temporary(job):
                return None  # it is made anew for another reason, or gone as it should be
            return Reason(Kind.GONE)
        earlier = self._stores.earlier(job, self._claims)
        if earlier and earlier.key != resolved.told.key:
            return Reason(Kind.CHANGED, tuple(_changes(job, earlier, resolved.told)))
        return Reason(Kind.UNCLAIMED) if resolved.is_unclaimed else None

    def _tell_reasons(self, reasons: Mapping[Job, Reason]) -> None:
        """Tell why jobs will run: what is the same for several of them in one line."""
        jobs: dict[tuple[Kind, str], list[Job]] = {}
        for job, reason in reasons.items():
            for detail in reason.details:
                told = (_named(job), reason.kind, detail)
                if told not in self._told_reasons:
                    self._told_reasons.add(told)
                    jobs.setdefault((reason.kind, detail), []).append(job)
        lines: dict[tuple[Kind, tuple[Job, ...]], list[str]] = {}
        for (kind, detail), those in jobs.items():
            lines.setdefault((kind, tuple(those)), []).append(detail)

        def many_first(line: tuple[tuple[Kind, tuple[Job, ...]], list[str]]) -> tuple[int, str]:
            return -len(line[0][1]), _all_named(line[0][1])

        for (kind, of), details in sorted(lines.items(), key=many_first):
            form = kind.value[len(of) > 1]
            self.tell(form.format(_all_named(of), "; ".join(_few(details))))

    def _tell_alone(self, left: Mapping[Job, list[str]]) -> None:
        """Tell of flags that are here without what their jobs left."""
        paths = sorted(printable(path) for each in left.values() for path in each)
        if paths:
            rules = " ".join(sorted({job.rule.name for job in left}))
            self.tell(
                f"{_all_named([*left])}: {and_more(paths)}, which goes with it but is not "
                "declared, is not brought here: declare it as output, or run "
                f"`snakemake --forcerun {rules}`"
            )

    def tell_foreign(self, path: str) -> None:
        """Tell of a file in the place of an output that the workflow did not make."""
        self.tell(f"{path} is not what the workflow made: it is left as it is, and read as it is")

    def report_taken_over(self, found: Sequence[tuple[Job, Resolved]]) -> None:
        """Tell what of plain Snakemake's files is taken over, and what of it for nobody else."""
        found = [(job, resolved) for job, resolved in found if resolved.taken_over]
        alone = sorted(
            {
                job.rule.name
                for job, resolved in found
                if not (resolved.plain_run or resolved.record)
            }
        )
        if found:
            self.tell(f"the files of {_count(len(found), 'job')} are taken over")
        if alone:
            self.tell(
                f"those of {_count(len(alone), 'rule')} ({', '.join(_few(alone))}) stand here "
                "alone: Snakemake's metadata do not show that they were made as the rules are now"
            )

    def tell(self, message: str) -> None:
        """Tell something once."""
        if message and message not in self._told:
            self._told.add(message)
            logger.info(f"seqstore: {message}.")

    def _sum_up(self, jobs: Mapping[Job, Resolved]) -> None:
        """Tell how much is reused that was not told yet, and does not run for another reason."""
        outputs, records = 0, []
        for job, each in jobs.items():
            is_reused = each.is_hit and not is_forced(job) and not job.dag.needrun(job)
            names = {name for file in job.output if (name := label(file)) in each.claims}
            if is_reused and each.record and not names <= self._summed_up:
                outputs += len(names)
                records.append(each.record)
                self._summed_up |= names
        if records:
            seconds = sum(record.seconds for record in records)
            logger.info(
                f"seqstore: {_count(outputs, 'output')} of {_count(len(records), 'job')} "
                f"{'is' if outputs == 1 else 'are'} reused; computing "
                f"{'it' if outputs == 1 else 'them'} took {duration(seconds)}."
            )


def _changes(job: Job, earlier: Record, told: Told) -> list[str]:
    """What differs from an earlier result; who shares a store may have written its record."""
    # As `script scripts/x.py`.
    source = f"{told.operation.kind} {snakemake_api.command_as_run(job, job.params)}"
    try:
        return differences(earlier.provenance, told.canonical(), source)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ["its record cannot be compared"]


def _few(reasons: list[str]) -> list[str]:
    more = len(reasons) - _MOST_REASONS
    return reasons[:_MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])


def _is_temporary(job: Job) -> bool:
    return all(file.flags.get("temp") for file in job.output)


def _all_named(jobs: Sequence[Job]) -> str:
    """The outputs of jobs: of several their number, and the first few."""
    if len(jobs) == 1:
        return _named(jobs[0])
    names = sorted(name for job in jobs for name in _names(job))
    shown = ", ".join(names[:_MOST_NAMES] + ["..."] * (len(names) > _MOST_NAMES))
    return f"{_count(len(names), 'output')} ({shown})"


def _named(job: Job) -> str:
    return and_more(_names(job) or [job.rule.name])


def and_more(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _names(job: Job) -> list[str]:
    return [
        ours.label if ours.is_in_place else str(ours.parsed)
        for file in job.output
        if (ours := stored(file))
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
