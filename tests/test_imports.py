"""Imports point one way."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import snakemake_storage_plugin_seqstore

PACKAGE = snakemake_storage_plugin_seqstore.__name__
HOME = Path(snakemake_storage_plugin_seqstore.__file__).parent


def part(module):
    """Return the folder, or the module beside the folders, that a module of the package is in."""
    return module.removeprefix(PACKAGE).lstrip(".").split(".")[0]


def imports(path):
    """Yield the modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (f"{PACKAGE}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(PACKAGE))


def test_parts_import_each_other_in_one_direction():
    graph = {}
    for path in HOME.rglob("*.py"):
        name = path.relative_to(HOME).with_suffix("").parts[0]
        if name != "__init__":  # it hands on the public names of all parts
            graph.setdefault(name, set()).update(map(part, imports(path)))
    graph = {name: found - {name} for name, found in graph.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises where there is a circle
    assert {"tracks", "genomes"} <= graph["object_stores"]
    assert order.index("collections") < order.index("query") < order.index("object_stores")
