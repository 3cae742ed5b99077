"""Records for people: how one result was made, and what rules read without declaring it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from snakemake_storage_plugin_seqstore.store import Reads, Record, parsing

_HERE = ("workdir:", "workflow:")  # places that a Snakefile can name as they are


def document(record: Record) -> dict[str, Any]:
    """All that a record says, for people and programs."""
    return {
        "rule": record.rule,
        **record.about,
        **({"contains the path of": record.made_in.path} if record.made_in else {}),
        "seconds": record.seconds,
        "observed": record.is_observed,
        "outputs": {
            name: "not known" if version.is_unseen else version.digest
            for name, version in zip(_names(record), record.outputs, strict=False)
        },
        "reads": record.reads.to_json(),
        "key": record.key,
        "id": record.id,
    }


def _names(record: Record) -> Sequence[str]:
    """What its outputs are called; anyone may have written what a record is said to be about."""
    try:
        return parsing.each(parsing.text)(record.about.get("outputs"))
    except parsing.MalformedError:
        return record.names


def lines(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same, and a summary, as pairs of a name and a text, one for each line."""
    for name, value in document.items():
        if name == "reads":
            yield from _reads(value)
        elif isinstance(value, dict):
            yield from ((name, f"{key}: {part}") for key, part in value.items())
        elif isinstance(value, list):
            yield from ((name, str(part)) for part in value)
        else:
            yield name, str(value)


def _reads(reads: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, found in reads.items():
        if kind == "piped":
            for filler in found:
                yield "reads a pipe of", filler["rule"]
                yield from _reads(filler["reads"])
        elif kind == "software":
            for prefix, packages in found.items():
                yield from (
                    (kind, f"{package} {version} ({prefix})")
                    for package, version in packages.items()
                )
        elif isinstance(found, dict):
            yield from ((f"read ({kind})", f"{place}: {what}") for place, what in found.items())
        elif isinstance(found, list):
            yield from ((f"read ({kind})", str(place)) for place in found)
        else:
            yield f"read ({kind})", str(found)


def undeclared(records: Iterable[Record]) -> dict[str, Counter[str]]:
    """What each rule was seen to read without declaring it, and in how many of its jobs.

    Only of jobs that were observed: of others nothing is known.
    """
    found: dict[str, Counter[str]] = {}
    for record in records:
        if record.is_observed:
            for rule, reads in _by_rule(record.rule, record.reads):
                if read := [*reads.files, *reads.products]:
                    found.setdefault(rule, Counter()).update(map(_path, read))
    return found


def _by_rule(rule: str, reads: Reads) -> Iterator[tuple[str, Reads]]:
    """The reads of a job, and of the jobs that filled its pipes."""
    yield rule, reads
    for filler in reads.piped:
        yield from _by_rule(filler.rule, filler.reads)


def _path(place: str) -> str:
    for prefix in _HERE:
        if place.startswith(prefix):
            return place.removeprefix(prefix)
    return place
