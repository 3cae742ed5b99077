"""Coverage-guided inputs for all that is read of a store: ``python -m tests.fuzz [DIRECTORY]``.

It needs atheris, which is no dependency of the tests. What it finds worth keeping goes to the
directory; options of libFuzzer, as ``-max_total_time=600``, end it.
"""

import hashlib
import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["snakemake_storage_plugin_seqstore"]):
    from snakemake_storage_plugin_seqstore import views
    from snakemake_storage_plugin_seqstore.errors import QueryError
    from snakemake_storage_plugin_seqstore.query import Query
    from snakemake_storage_plugin_seqstore.sequences import codec
    from snakemake_storage_plugin_seqstore.sequences.texts import numbers
    from snakemake_storage_plugin_seqstore.store import names, records, trees
    from snakemake_storage_plugin_seqstore.store.parsing import MalformedError
    from snakemake_storage_plugin_seqstore.store.version_log import Stamp

DIGEST = "ab" * 32
LIMIT = 1 << 20  # bytes that a frame may unpack to


def record(content: bytes) -> None:
    stamp = Stamp(0, hashlib.sha256(content).hexdigest(), "d", "f")
    records._load(DIGEST, stamp, content)


def query(content: bytes) -> None:
    found = Query.parse("seqstore://" + content.decode("utf-8", "surrogateescape"))
    views.check(found)
    found.local_suffix()


def parts(content: bytes) -> list[bytes]:
    size = max(1, len(content) // 20)
    return [content[start : start + size] for start in range(0, len(content), size)]


def joined(content: bytes) -> None:
    list(codec.decode_joined(content, numbers(map(len, parts(content))), limit=LIMIT))


# What is read, and the one error that it may raise.
TARGETS = [
    (trees.load, MalformedError),
    (lambda content: names._load(Stamp(0, DIGEST, "d", "f"), content), MalformedError),
    (record, MalformedError),
    (query, QueryError),
    (lambda content: codec.decode(content, LIMIT), ValueError),
    (lambda content: list(codec.unpack_many(parts(content), LIMIT)), ValueError),
    (joined, ValueError),
]


def read_one(content: bytes) -> None:
    """Read something; the first byte says as what."""
    if content:
        read, error = TARGETS[content[0] % len(TARGETS)]
        with suppress(error):
            read(content[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, read_one)
    atheris.Fuzz()
