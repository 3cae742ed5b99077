"""Words for the user: what is reused, what is not, and what differs from last time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.provenance import plain
from snakemake_storage_plugin_seqstore.store import Record
from snakemake_storage_plugin_seqstore.store.parsing import printable
from snakemake_storage_plugin_seqstore.unknown import NotYet
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.files import label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.plan import is_forced
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution
from snakemake_storage_plugin_seqstore.workflow.stores import Stores

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

logger = logging.getLogger(__name__)

MAX_REASONS = 3  # in a message
MAX_SHOWN = 60  # characters of a value in a message
_SHOWN_BEFORE = 20  # characters of a command before the first difference, and the rest of a word
_DIGESTS = ("variables", "globals")


def duration(seconds: float) -> str:
    """A time for people: ``3 h 20 min``."""
    from humanfriendly import format_timespan

    return str(format_timespan(seconds if seconds < 10 else round(seconds)))


def differences(before: dict[str, Any], now: dict[str, Any], source: str) -> list[str]:
    """What differs between the parts of two provenances, in words.

    Parameters
    ----------
    source : str
        What the source is called of which they have a digest.
    """
    found: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = plain(before.get(name)), plain(now.get(name))
        if before.get(name) == now.get(name) or name == "made":
            continue  # what is made of an operation says the same as its parts
        if name in ("inputs", "outputs"):
            found += _file_differences(name.removesuffix("s"), old, new)
        elif name == "params":
            found += _param_differences(old or (), new or ())
        elif name == "before":
            found.append("what it updates has changed")
        elif name == "source":
            found.append(f"{source} changed")
        elif name in ("command", "code") and isinstance(old, str | None):
            found.append(f"{name} changed: {_text_difference(old or '', new or '')}")
        elif isinstance(old, dict) and isinstance(new, dict):
            found += _item_differences(name, old, new)
        else:
            found.append(f"{name} changed")
    return found or ["the order of what it reads"]


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
        self._summed_up: set[str] = set()

    def report(self, resolution: Resolution) -> None:
        """Tell what is reused, what is not and why, and what changed."""
        refused: Counter[str] = Counter()
        for job, resolved in resolution.jobs.items():
            if not any(stored(file) for file in job.output):
                continue
            for path in resolved.foreign:
                self.tell_foreign(path)
            if resolved.is_hit:
                logger.debug(f"seqstore: reused: {_named(job)}")
            elif resolved.reason is None:
                self.tell(self.why(job, resolved))
            elif not isinstance(resolved.reason, NotYet):
                refused[f"rule {job.rule.name} is not reused: {resolved.reason}"] += 1
        for message, jobs in refused.items():
            self.tell(message + (f" ({jobs} jobs)" if jobs > 1 else ""))
        self._sum_up(resolution)

    def why(self, job: Job, resolved: Resolved) -> str:
        """Why a job that is told something known will run, if there is something to compare with.

        In words; empty if nothing is known of an earlier result.
        """
        assert resolved.told
        if resolved.failing:
            return f"{_named(job)}: {'; '.join(_few(resolved.failing))}"
        if resolved.lacks:
            return f"{_named(job)} is made again: {printable(resolved.lacks)}"
        if resolved.record:
            if self._stores.has_payloads(job, resolved.record) or _is_temporary(job):
                return ""  # it is made anew for another reason, or gone as it should be
            return f"{_named(job)} is made again if it is needed: its stored bytes are gone"
        if (earlier := self._earlier(job)) and earlier.key != resolved.told.key:
            changes = _changes(job, earlier, resolved.told)
        else:
            return ""
        return f"{_named(job)} is not what it was: {changes}"

    def read_before(self, conditions: Conditions, job: Job) -> Iterator[str]:
        """Absolute paths of what other jobs make that a job read when it last ran."""
        if record := self._earlier(job):
            yield from filter(None, map(conditions.places(job).path_of, record.reads.products))

    def tell_foreign(self, path: str) -> None:
        """Tell of a file in the place of an output that the workflow did not make."""
        self.tell(f"{path} is not what the workflow made: it is left as it is, and read as it is")

    def tell(self, message: str) -> None:
        """Tell something once."""
        if message and message not in self._told:
            self._told.add(message)
            logger.info(f"seqstore: {message}.")

    def _sum_up(self, resolution: Resolution) -> None:
        hits = {
            job: each
            for job, each in resolution.jobs.items()
            if each.is_hit and each.record and each.claims and not is_forced(job)
        }
        outputs = {
            label(file)
            for job, each in hits.items()
            for file in job.output
            if label(file) in each.claims
        }
        if outputs <= self._summed_up:
            return
        self._summed_up |= outputs
        seconds = sum(each.record.seconds for each in hits.values() if each.record)
        logger.info(
            f"seqstore: {_count(len(outputs), 'output')} of {_count(len(hits), 'job')} "
            f"{'is' if len(outputs) == 1 else 'are'} reused; computing "
            f"{'it' if len(outputs) == 1 else 'them'} took {duration(seconds)}."
        )

    def _earlier(self, job: Job) -> Record | None:
        return self._stores.earlier(job, self._claims)


def _changes(job: Job, earlier: Record, told: Told) -> str:
    """What differs from an earlier result; who shares a store may have written its record."""
    # As `script scripts/x.py`.
    source = f"{told.operation.kind} {snakemake_api.command_as_run(job, job.params)}"
    try:
        return "; ".join(differences(earlier.provenance, told.canonical(), source))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return "its record cannot be compared"


def _few(reasons: list[str]) -> list[str]:
    more = len(reasons) - MAX_REASONS
    return reasons[:MAX_REASONS] + ([f"and {more} more"] if more > 0 else [])


def _is_temporary(job: Job) -> bool:
    return all(file.flags.get("temp") for file in job.output)


def _named(job: Job) -> str:
    queries = [
        ours.label if ours.is_in_place else str(ours.parsed)
        for file in job.output
        if (ours := stored(file))
    ]
    more = f" and {len(queries) - 1} more" if len(queries) > 1 else ""
    return f"{queries[0] if queries else job.rule.name}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _file_differences(kind: str, old: Any, new: Any) -> Iterator[str]:
    if old is None or new is None:
        return
    (old_files, old_roles), (new_files, new_roles) = old, new
    if len(old_files) != len(new_files):
        yield f"number of {kind}s: {len(old_files)} -> {len(new_files)}"
        return
    if old_roles != new_roles:
        yield f"names of the {kind}s changed"
    names = {start: name for start, _, name in new_roles}
    for number, (before, now) in enumerate(zip(old_files, new_files, strict=True)):
        label = f"{kind} {names.get(number) or now[0]}"
        if before[0] != now[0]:
            yield f"{label}: file {before[0]} -> {now[0]}"
        if before[1] != now[1]:
            yield f"{label}: content changed" if kind == "input" else f"{label}: demands changed"


def _param_differences(old: Any, new: Any) -> Iterator[str]:
    before = {name if name is not None else n: value for n, (name, value) in enumerate(old)}
    now = {name if name is not None else n: value for n, (name, value) in enumerate(new)}
    for name in (*before, *(name for name in now if name not in before)):
        if name not in now:
            yield f"param {name}: removed"
        elif name not in before:
            yield f"param {name}: new"
        elif before[name] != now[name]:
            yield f"param {name}: {_short(before[name])} -> {_short(now[name])}"
    if before == now:
        yield "order or types of the params changed"


def _item_differences(part: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        if part in _DIGESTS:
            state = "new" if name not in old else "gone" if name not in new else "changed"
            yield f"{part}: {name} {state}"
        else:
            yield f"{part} {name}: {_short(old.get(name))} -> {_short(new.get(name))}"


def _text_difference(old: str, new: str) -> str:
    """The first place at which two texts differ, with a little of what is around it."""
    old, new = old.replace("\0", ""), new.replace("\0", "")
    pairs = enumerate(zip(old, new, strict=False))
    same = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = old.rfind(" ", 0, max(0, same - _SHOWN_BEFORE)) + 1  # of a word
    return f"{_short(old[start:])} -> {_short(new[start:])}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
