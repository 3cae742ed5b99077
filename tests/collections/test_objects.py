"""Objects under ids, by how they were made, in memory and on disk."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from snakemake_storage_plugin_seqstore import Provenance
from snakemake_storage_plugin_seqstore.collections.objects import InMemory, OnDisk, Shelf
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.provenance import result_id
from snakemake_storage_plugin_seqstore.store import Store, maintenance

MADE = Provenance("transform.log", ("abc",), (("base", 2), ("more", [1, (2.5, None)])))


class Texts:
    """Texts as files; what follows a bar is not in the file."""

    collection = "tracks"

    def holds(self, name: str) -> bool:
        return name.endswith(".txt")

    def write(self, item: str, directory: Path) -> tuple[Path, str]:
        path = directory / "text"
        path.write_text(item.partition("|")[0])
        return path, "a text.txt"

    def extras(self, item: str, path: Path) -> Mapping[str, Any]:
        _, bar, rest = item.partition("|")
        return {"rest": rest} if bar else {}

    def read(self, payload: Payload, extras: Mapping[str, Any]) -> str:
        assert payload.name.endswith("/a text.txt")
        text = payload.path.read_text()
        return f"{text}|{extras['rest']}" if extras else text


@pytest.fixture(params=["memory", "disk"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf[str]:
    return InMemory() if request.param == "memory" else OnDisk(tmp_path / "store", Texts())


@pytest.mark.parametrize("text", ["one", "one|and more"])
def test_what_was_made_alike_is_kept_once(shelf: Shelf[str], text: str) -> None:
    first = shelf.put(text, MADE)
    assert shelf.put("another text", MADE) == first
    kept = shelf.get(first)
    assert (kept.item, kept.provenance) == (text, MADE)
    assert kept.provenance.digest() == MADE.digest()
    assert shelf.put(text, Provenance("transform.log", ("abc",), (("base", 2.0),))) != first
    assert shelf.put(text) != first
    assert [one.item for one in shelf.list_all()] == [text] * 3
    assert shelf.delete(first)
    assert shelf.get(first) is None
    second = shelf.put("another text", MADE)
    assert shelf.get(second).item == "another text"


def test_what_cannot_be_compared_is_source_data(tmp_path: Path) -> None:
    shelf = OnDisk(tmp_path / "store", Texts())
    unsure = Provenance("op", (), (("x", object()),))
    assert shelf.put("a", unsure) == shelf.put("a")


def test_ids_of_results_are_those_of_their_provenance(tmp_path: Path) -> None:
    shelf = OnDisk(tmp_path / "store", Texts())
    assert shelf.put("a", MADE) == result_id(MADE.digest())


def test_what_a_rule_made_has_the_id_of_its_record(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    source = tmp_path / "x"
    source.write_text("made by a rule")
    key = MADE.digest()
    store.assign("tracks", "s1/a text.txt", store.add(source), key)
    shelf = OnDisk(store.root, Texts())
    assert shelf.find("tracks/s1/a text.txt") == result_id(key)
    assert shelf.get(result_id(key)).item == "made by a rule"
    assert shelf.put("the same, made in Python", MADE) == result_id(key)


def test_deleted_everywhere_and_cleared_by_gc(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    shelf = OnDisk(store.root, Texts())
    source = tmp_path / "x"
    source.write_text("twice")
    item_id = shelf.put("twice")
    store.publish("tracks", "other/a text.txt", source)
    assert shelf.find("tracks/other/a text.txt") == item_id
    assert len(shelf.list_all()) == 1
    assert shelf.delete(item_id)
    assert not list(store.under("tracks"))
    assert shelf.get(item_id) is None


def test_many_at_once(tmp_path: Path) -> None:
    ids = []

    def put() -> None:
        shelf = OnDisk(tmp_path / "store", Texts())
        ids.extend([shelf.put("a", MADE), shelf.put("b")])

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 16
    assert len(set(ids)) == 2
    assert len(OnDisk(tmp_path / "store", Texts()).list_all()) == 2
    assert not list(Store(tmp_path / "store").records.nondeterministic())


def test_a_crash_before_the_name_leaves_nothing_to_be_found(tmp_path: Path, monkeypatch) -> None:
    shelf = OnDisk(tmp_path / "store", Texts())
    with monkeypatch.context() as patched:
        patched.setattr(Store, "assign", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            shelf.put("a|b", MADE)
    assert shelf.list_all() == []
    item_id = shelf.put("a|b", MADE)
    assert shelf.get(item_id).item == "a|b"
    assert not maintenance.collect_garbage(shelf.store, 0).payloads
