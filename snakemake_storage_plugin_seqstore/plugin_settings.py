"""The settings of the storage provider. Their types are read when it runs: they are real ones."""

from dataclasses import dataclass, field
from pathlib import Path

from snakemake_interface_storage_plugins.settings import StorageProviderSettingsBase

from snakemake_storage_plugin_seqstore.store import DEFAULT_ROOT, ROOT_VARIABLE, Materialisation

VERIFY = ("size", "sha256")


@dataclass
class StorageProviderSettings(StorageProviderSettingsBase):
    """Settings, given as ``--storage-seqstore-...`` or in the Snakefile's ``storage`` directive."""

    root: Path | None = field(
        default=None,
        metadata={
            "help": "Directory of the store, usually on a filesystem that all users and nodes "
            f"share. By default ${ROOT_VARIABLE}, else {DEFAULT_ROOT} in the working directory.",
            # Snakemake would hand it to jobs as a variable, which not every executor passes on.
            "env_var": False,
            "required": False,
            "type": Path,
        },
    )
    materialize: str | None = field(
        default=Materialisation.AUTO.value,
        metadata={
            "help": "How a file is brought to the working directory: auto (a clone where the "
            "filesystem can, else symlink), symlink (into the store; root and executables get a "
            "clone or copy), reflink (a clone, else copy) or copy.",
            "required": False,
            "type": str,
        },
    )
    project: str | None = field(
        default=None,
        metadata={
            "help": "Under which project the files of a workflow are listed in the store. By "
            "default the working directory's name and a number of its own.",
            "required": False,
            "type": str,
        },
    )
    verify: str | None = field(
        default=VERIFY[0],
        metadata={
            "help": "How an input is verified before it is used: size (by size and times, now and "
            "then by all bytes) or sha256 (always by all bytes).",
            "required": False,
            "type": str,
        },
    )
