from pathlib import Path

from snakemake_storage_plugin_seqstore.tracks.formats import SUFFIXES
from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "tracks.md"


def test_all_operations_parameters_and_suffixes_are_documented():
    lines = PAGE.read_text().splitlines()
    for name, operation in REGISTRY.items():
        (line,) = [line for line in lines if line.startswith("|") and f"`{name}`" in line]
        assert all(f"`{parameter.name}`" in line for parameter in operation.parameters)
    table = "\n".join(lines).lower()
    assert all(f"`{suffix}`" in table for suffix in SUFFIXES)
