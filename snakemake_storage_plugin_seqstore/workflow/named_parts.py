"""The parts of a job, and of the config, that code names: how they count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames, Way, of_ways
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.provenance import canonical
from snakemake_storage_plugin_seqstore.workflow import snakemake_api, snakemake_params

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def named_parts(job: Job, names: SourceNames, values: Values) -> Iterator[tuple[str, Any]]:
    """What code names, by kind, as it is described in a key.

    Raises
    ------
    Unknown
        If a value has no form; the message names it.
    """
    if keys := names.of("config"):
        yield "config", values.of_keys(snakemake_api.config_of(job.rule), keys, "config")
    if ways := names.of("wildcards"):
        yield "wildcards", values.of_names(job.wildcards.items(), ways, "wildcards")
    if ways := names.of("resources"):
        declared = (
            (name, snakemake_params.declared_resource(job, name))
            for name in job.rule.resources
            if not snakemake_params.is_scheduled(name)
        )
        yield "resources", values.of_names(declared, ways, "resources")
    if names.of("rule"):
        yield "rule", job.rule.name


def digests(job: Job, ways: Iterable[Way], values: Values) -> dict[str, str]:
    """What is behind ways from ``snakemake``, each as a SHA-256, by the way as JSON.

    Raises
    ------
    Unknown, NotCanonical
        If a value has no form; the message names it.
    """
    found = {}
    for way in ways:
        form = canonical(dict(named_parts(job, of_ways([way]), values)))
        found[json.dumps(way)] = hashlib.sha256(form.encode()).hexdigest()
    return found


def shown(way: str) -> str:
    """A way as people call it: ``the config key a.b`` for ``["config", "a", "b"]``."""
    kind, *steps = map(str, json.loads(way))
    if not steps:
        return f"the {kind}"
    return f"the {'config key' if kind == 'config' else kind.removesuffix('s')} {'.'.join(steps)}"
