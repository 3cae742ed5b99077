"""Putting what files mean in their own places, but over bytes that are the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.store import Entry, Materialisation, Store, Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.files import (
    StoredFile,
    label,
    mark_directory,
    stored,
)
from snakemake_storage_plugin_seqstore.workflow.inputs import version_in_place

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution


def place(
    directory: Directory, resolution: Resolution, file: StoredFile, store: Store, entry: Entry
) -> None:
    """Put a file in its own place; one in a directory of the same job comes with that.

    Parameters
    ----------
    store : Store
        Where it is.
    entry : Entry
        What it means.
    """
    path, name = file.copy_path, file.base_label
    before = directory.claims.known(name)
    made = resolution.output(name)
    replaced = resolution.jobs[resolution.producers[name]].replaced.get(name) if made else None

    def what_is_there() -> Version | None:
        return version_in_place(file, entry.version, before, directory.contents)

    there = what_is_there()
    is_ours = there in (None, entry.version, before and before.version, replaced)
    if is_ours and there != entry.version and (around := [*_around(resolution, file)]):
        for other, claim in around:
            if claim.version and (holder := directory.stores.holder(store, claim.version)):
                place(directory, resolution, other, holder, entry_of(other, claim))
        there = what_is_there()
    if there == entry.version:
        os.utime(path, ns=(entry.time, entry.time), follow_symlinks=False)
    elif not is_ours:
        directory.messages.tell_foreign(str(path))
    else:
        os.makedirs(path.parent, exist_ok=True)
        provider = file.provider
        how = provider.materialisation
        if made and snakemake_api.is_updated(made):
            how = Materialisation.COPY  # it is written to
        transfer.bring(store, entry, file.parsed, path, how, provider.verify)
        mark_directory(path, entry.time)


def entry_of(file: StoredFile, claim: Claim) -> Entry:
    """What a claim to a file stands for."""
    assert claim.version
    return Entry(file.parsed.collection, file.parsed.name, claim.version, claim.time)


def _around(resolution: Resolution, file: StoredFile) -> Iterator[tuple[StoredFile, Claim]]:
    """Directories that the job of a file makes, too, and in which it lies.

    With the file alone in it, such a directory would not be what the job made.
    """
    maker = resolution.producers.get(file.base_label)
    for output in maker.output if maker and len(maker.output) > 1 else ():
        ours, name = stored(output) if output.flags.get("directory") else None, label(output)
        is_around = ours and ours.is_in_place and file.base_label.startswith(f"{name}/")
        claim = resolution.jobs[maker].claims.get(name) if maker and is_around else None
        if ours and claim:
            yield ours, claim
