"""Ids: UUIDs that anybody computes alike, of the content or of how it was made."""

from __future__ import annotations

import uuid
from functools import lru_cache

_NAMESPACE = uuid.UUID("6d1f2a52-6f0b-5c39-9b1e-7f3f0f6c2f0a")


@lru_cache(maxsize=65536)  # most is described twice: when the DAG is built, and at a job's start
def content_id(kind: str, digest: str) -> str:
    """Return the id of source data: of its kind (file, tree) and the SHA-256 of its bytes."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{digest}"))


def result_id(digest: str) -> str:
    """Return the id of a result: of the digest of its provenance."""
    return str(uuid.uuid5(_NAMESPACE, f"provenance:{digest}"))
