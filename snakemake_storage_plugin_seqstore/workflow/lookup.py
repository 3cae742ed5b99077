"""Which record answers for a job: what this directory has, else the newest whose reads hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.fingerprint.input_order import former_order
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Record
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.files import is_here, label

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


@dataclass(frozen=True)
class Answer:
    """What was found for a job.

    Parameters
    ----------
    told : Told
        What it is told, or was told before, if only the order of its inputs is another one.
    record : Record or None
        The execution whose result is the answer; None if there is none.
    lost : Record or None
        The same, if no store has it any more.
    failing : list of str
        Why the newest record that is no answer is none: what it read that is not the same here.
    """

    told: Told
    record: Record | None = None
    lost: Record | None = None
    failing: list[str] = field(default_factory=list)


class Lookup:
    """Looks up records.

    Parameters
    ----------
    directory : Directory
        What the working directory knows.
    conditions : Conditions
        Checks what jobs read.
    tell_in_order : callable
        Says what a job would be told if its inputs came in another order, by their numbers; None if
        that is not known.
    """

    def __init__(
        self,
        directory: Directory,
        conditions: Conditions,
        tell_in_order: Callable[[Job, Sequence[int]], Told | None],
    ) -> None:
        self._tell_in_order = tell_in_order
        self._claims = directory.claims
        self._stores = directory.stores
        self._conditions = conditions

    def answer(self, job: Job, told: Told) -> Answer:
        """What answers for a job that is told something."""
        found = self._find(job, told)
        if found.record is None and (as_before := self._in_other_order(job, told)):
            before = self._find(job, as_before)
            failing = found.failing or before.failing
            return before if before.record else replace(found, failing=failing)
        return found

    def _find(self, job: Job, told: Told) -> Answer:
        names = [label(file) for file in job.output]
        traces = [label(file) for file in snakemake_api.traces(job)]
        records = self._stores.find_records(job, told.key)
        records = [record for record in records if len(record.outputs) == len(names)]
        owned = {record.digest: self._claims.own(record, names, traces) for record in records}
        lost = None if any(owned.values()) else self._lost(told.key, names, traces)
        if lost:
            records.append(lost)
            owned[lost.digest] = True
        records.sort(key=lambda record: not owned[record.digest])  # the newest first otherwise
        why: list[str] = []
        for record in records:
            own = owned[record.digest]
            stands = own and bool(told.ancient) and is_here(job)
            failing = self._conditions.failing(record, job, told, own, stands, records)
            if not failing:
                return Answer(told, record, record if record is lost else None, why)
            why = why or failing
        return Answer(told, failing=why)

    def _lost(self, key: str, names: list[str], traces: list[str]) -> Record | None:
        """The record of what this directory made, if it is known here but in no store."""
        for claim in filter(None, map(self._claims.known, names)):
            if claim.version and claim.key == key:
                record = self._stores.remembered(key, claim.reads)
                if record and len(record.outputs) == len(names):
                    return record if self._claims.own(record, names, traces) else None
        return None

    def _in_other_order(self, job: Job, told: Told) -> Told | None:
        """What a job was told before, if its inputs are only in another order.

        And what follows from that, as a param that is made of the first input. That is no change
        as long as the workflow is what it was, as with Snakemake itself.
        """
        claims = [self._claims.known(label(file)) for file in job.output]
        keys = {claim.key if claim else "" for claim in claims}
        workflows = {claim.workflow if claim else "" for claim in claims}
        if "" in keys | workflows or workflows != {self._claims.workflow} or len(keys) > 1:
            return None
        (key,) = keys
        records = self._stores.find_records(job, key)
        inputs = records[0].provenance.get("inputs") if records else None
        order = former_order(inputs, told.canonical().get("inputs"))
        as_before = self._tell_in_order(job, order) if order else None
        return replace(told, as_before=key) if as_before and as_before.key == key else None
