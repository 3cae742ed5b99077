"""The environment in which the workflows run."""

import os
import shutil
import sys
from pathlib import Path

import pytest

# What rules run beside it, perl and Python.
PROGRAMS = ("gcc", "jq", "sqlite3", "unzip", "zip")
# Where samtools is not installed, its own code does the same.
SAMTOOLS = """#!{python}
import sys
from pysam import samtools
getattr(samtools, sys.argv[1])(*sys.argv[2:], catch_stdout=False)
"""


@pytest.fixture(scope="session")
def user(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has set nothing, with this Python's programs first."""
    if absent := [program for program in PROGRAMS if not shutil.which(program)]:
        pytest.skip(f"not installed: {', '.join(absent)}")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE_")}
    kept.pop("XDG_CACHE_HOME", None)
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if not shutil.which("samtools"):
        samtools = tmp_path_factory.mktemp("programs") / "samtools"
        samtools.write_text(SAMTOOLS.format(python=sys.executable))
        samtools.chmod(0o755)
        places.append(str(samtools.parent))
    return kept | {"PATH": os.pathsep.join(places)}
