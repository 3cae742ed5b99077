"""The store on disk: payloads by content, names beside them. Knows nothing of Snakemake.

::

    <root>/seqstore.json                              format of the store
    <root>/objects/ab/cdef...                         payloads under their SHA-256, mode 0444
    <root>/names/<collection>/<name>/@/<version>      what a name means, one file a version
    <root>/projects/<project>/<version>               what a project uses that others made
    <root>/records/ab/cdef.../<version>               what a computation gave, under its key
    <root>/tmp/, <root>/damaged/                      unfinished and damaged files; `gc` clears them

Readers take no lock and writers do not wait for each other. A file appears whole or not at all.
"""

from snakemake_storage_plugin_seqstore.store.materialise import Materialisation, materialise, way
from snakemake_storage_plugin_seqstore.store.reads import Piped, Reads
from snakemake_storage_plugin_seqstore.store.record_memory import RecordMemory
from snakemake_storage_plugin_seqstore.store.records import MadeIn, Record
from snakemake_storage_plugin_seqstore.store.store import DEFAULT_ROOT, ROOT_VARIABLE, Entry, Store
from snakemake_storage_plugin_seqstore.store.version import EMPTY, Version, is_executable

__all__ = [
    "DEFAULT_ROOT",
    "EMPTY",
    "ROOT_VARIABLE",
    "Entry",
    "MadeIn",
    "Materialisation",
    "Piped",
    "Reads",
    "Record",
    "RecordMemory",
    "Store",
    "Version",
    "is_executable",
    "materialise",
    "way",
]
