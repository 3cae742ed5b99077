"""What does not hold of what was read."""

from collections.abc import Iterable

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.observe import Checks, Packages, Places
from snakemake_storage_plugin_seqstore.observe.checks import ProductDigests
from snakemake_storage_plugin_seqstore.store import Reads


def _nothing(path: str) -> Iterable[str]:
    return ()


def check(
    reads: Reads,
    here: Places,
    contents: Contents,
    packages: Packages,
    product_digests: ProductDigests = _nothing,
) -> list[str]:
    """What does not hold here of files, in words, for one who has not looked before."""
    return Checks(contents, packages).files(reads, here, product_digests)
