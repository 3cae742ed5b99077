"""The environment in which the workflows run."""

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def user() -> dict[str, str]:
    """The environment of a user who has set nothing, with this Python's programs first."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE_")}
    kept.pop("XDG_CACHE_HOME", None)
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
