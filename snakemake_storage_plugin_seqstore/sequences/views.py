"""Derived forms of a database: some of its records, as FASTA or as a table."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.output import binary_output, compressed
from snakemake_storage_plugin_seqstore.sequences.selection import FORMATS, Selection
from snakemake_storage_plugin_seqstore.sequences.store import SequenceStore

logger = logging.getLogger(__name__)


def write_view(
    database: Path, selection: Selection, format: str, out: Path | BinaryIO, *, name: str = ""
) -> int:
    r"""Write the selected records of a database, by ascending gid.

    The bytes depend on the database's content and the view alone.

    Parameters
    ----------
    database : Path
        A sequence database.
    selection : Selection
        Which records.
    format : str
        ``fasta`` or ``tsv``, each also with ``.gz``. The table's columns are gid, length, header
        and sequence; a header's tabs, line breaks and backslashes are written as ``\t``, ``\n``,
        ``\r`` and ``\\``.
    out : Path or binary file
        A path appears when it is complete. Its own suffix does not count.
    name : str
        What the database is called in warnings; by default as its file.

    Returns
    -------
    int
        Number of records. None at all is no error, but a warning says so.
    """
    if format not in FORMATS:
        raise QueryError(f"unknown format {format!r}", f"allowed: {', '.join(FORMATS)}")
    with SequenceStore.open_reader(database) as store:
        gids = None if selection == Selection() else store.select(selection)
        if gids == []:
            logger.warning(
                f"{name or database}: none of its {len(store):,} sequences has {selection}"
            )
        with binary_output(out, compress=False) as file, compressed(file, format) as text:
            if format.startswith("fasta"):
                return store.write_fasta(text, gids)
            return _write_tsv(store, gids, text)


def _write_tsv(store: SequenceStore, gids: list[int] | None, out: BinaryIO) -> int:
    out.write(b"gid\tlength\theader\tsequence\n")
    written = 0
    for gid, header, seq in store.records(gids):
        if not seq.isprintable():
            raise InputError(f"{store.path}: the sequence of gid {gid} has a control character")
        out.write(f"{gid}\t{len(seq)}\t{_escape(header or '')}\t{seq}\n".encode())
        written += 1
    return written


def _escape(text: str) -> str:
    for character, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, escape)
    return text
