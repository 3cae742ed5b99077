"""Random flips and cuts, anywhere in a store: never a wrong byte, and publishing again heals it."""

import os
import random

import pytest

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import (
    Materialisation,
    Record,
    Store,
    evidence,
    filesystem,
    marker,
)

INPUTS = int(os.environ.get("SEQSTORE_FUZZ_INPUTS", "60"))
KEY = "ab" * 32


@pytest.fixture
def sources(tmp_path):
    """What is published, by name."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (tree / "sub" / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("sub/run.sh")
    (tmp_path / "small").write_text("small")
    (tmp_path / "large").write_bytes(random.Random(1).randbytes(filesystem.SMALL + 5))
    return {name: tmp_path / name for name in ("tree", "small", "large")}


def content(path):
    if path.is_dir():
        return {
            found.relative_to(path).as_posix(): (os.readlink(found) if found.is_symlink() else None)
            or (found.read_bytes(), os.access(found, os.X_OK))
            for found in path.rglob("*")
            if not found.is_dir()
        }
    return path.read_bytes()


def damage(path, chance):
    """Flip a bit or some bytes, or cut or lengthen a file, in place."""
    before = path.read_bytes()
    after = bytearray(before)
    kind = chance.choice(["bit", "bytes", "cut", "empty", "more", "zeros"])
    at = chance.randrange(len(after)) if after else 0
    if kind == "bit" and after:
        after[at] ^= 1 << chance.randrange(8)
    elif kind == "bytes":
        after[at : at + 8] = chance.randbytes(len(after[at : at + 8]))
    elif kind == "zeros":
        after[at:] = bytes(len(after) - at)
    elif kind == "more":
        after += chance.randbytes(chance.randrange(1, 9))
    else:
        after = after[: 0 if kind == "empty" else at]
    path.chmod(0o644)
    path.write_bytes(after)
    path.chmod(0o444)


@pytest.mark.parametrize("do_times_tell", [True, False])
def test_flips_and_cuts(tmp_path, sources, monkeypatch, do_times_tell):
    """Made by something that writes; or by the disk, whose doing a copy or `verify` finds."""
    monkeypatch.setattr(os, "fsync", lambda file: None)  # no crash, so nothing to wait for
    store, chance = Store(tmp_path / "store"), random.Random(7)

    def publish():
        versions = [store.publish("files", name, path).version for name, path in sources.items()]
        record = Record(KEY, tuple(versions), (True,) * 3, {"command": ["str", "x"]}, 1.0, "rule")
        store.add_record(record)
        return {name: version for name, version in zip(sources, versions, strict=True)}

    versions, expected = publish(), {name: content(path) for name, path in sources.items()}
    wrong = 0
    for _ in range(INPUTS):
        files = [path for path in sorted(store.root.rglob("*")) if path.is_file()]
        path = chance.choice([file for file in files if file.name[0] not in ".s"])
        damage(path, chance)
        is_payload = store.objects.directory in path.parents
        if is_payload and not do_times_tell:
            with path.open("rb") as file:
                evidence.give(file.fileno(), filesystem.clock(store.root))
        reader = Store(store.root)
        for name, version in versions.items():
            target = tmp_path / "target"
            try:
                transfer.retrieve(
                    reader, Query.parse(f"seqstore://files/{name}"), target, Materialisation.COPY
                )
            except (SeqstoreError, OSError) as error:
                assert isinstance(error, SeqstoreError), error
                wrong += 1
            else:
                assert content(target) == expected[name]
            filesystem.discard(target)
            assert (
                reader.find("files", name) is None or reader.find("files", name).version == version
            )
        record = next(iter(reader.find_records(KEY)), None)
        assert record is None or record.outputs == tuple(versions.values())
        publish()
        for name in sources:
            store.verify(store.find("files", name).version, name)
        assert next(iter(store.find_records(KEY)), None).outputs == tuple(versions.values())
        filesystem.discard(store.objects.damaged)
        for old in sorted((store.root / "records").rglob("*.json"))[:-1]:
            old.unlink()  # else most of what is damaged next is damaged already
    assert wrong > INPUTS / 4
    assert marker.is_store(store.root)
