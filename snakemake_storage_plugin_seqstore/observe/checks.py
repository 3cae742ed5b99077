"""Whether what a job read is the same here."""

from __future__ import annotations

from collections.abc import Callable

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.observe.packages import Packages
from snakemake_storage_plugin_seqstore.observe.places import Places
from snakemake_storage_plugin_seqstore.observe.reads import Reads


class Checks:
    """Checks of one pass: status and digests are asked for once, equal sets are checked once.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    packages : Packages
        Says what is installed here.
    """

    def __init__(self, contents: Contents, packages: Packages) -> None:
        raise NotImplementedError

    def files(
        self, reads: Reads, here: Places, product_digest: Callable[[str], str | None]
    ) -> list[str]:
        """What does not hold here of files, in words; empty if all does.

        Parameters
        ----------
        reads : Reads
            What was read.
        here : Places
            The job's places here.
        product_digest : callable
            SHA-256 of what a job of this workflow makes at a path, as its maker's record names
            it; None if that is not known.
        """
        raise NotImplementedError

    def software(self, reads: Reads) -> list[str]:
        """What does not hold here of programs, packages and files of the system, in words."""
        raise NotImplementedError

    def software_state(self, reads: Reads) -> str:
        """SHA-256 of what programs, packages and system files that were read are here."""
        raise NotImplementedError


def check(
    reads: Reads,
    here: Places,
    contents: Contents,
    packages: Packages,
    product_digest: Callable[[str], str | None] = lambda path: None,
) -> list[str]:
    """What does not hold here of the files (not the software), in words; empty if all does."""
    return Checks(contents, packages).files(reads, here, product_digest)


def software_holds(reads: Reads, contents: Contents, packages: Packages) -> list[str]:
    """What does not hold here of the software, in words; empty if all does."""
    return Checks(contents, packages).software(reads)


def software_state(reads: Reads, contents: Contents, packages: Packages) -> str:
    """SHA-256 of what the software that was used is here."""
    return Checks(contents, packages).software_state(reads)
