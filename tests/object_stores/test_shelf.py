"""Objects under ids, by how they were made, in memory and on disk."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import Provenance
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.object_stores.shelf import InMemory, OnDisk, Shelf
from snakemake_storage_plugin_seqstore.provenance import result_id, tagged, untagged
from snakemake_storage_plugin_seqstore.store import Record, Store, maintenance

MADE = Provenance("transform.log", ("abc",), (("base", 2), ("more", [1, (2.5, None)])))


class Texts:
    """Texts as files; what follows a bar is not in the file."""

    collection = "files"

    def holds(self, name: str) -> bool:
        return name.endswith(".txt")

    def write(self, item: str, directory: Path) -> tuple[Path, str, str]:
        path = directory / "text"
        path.write_text(item.partition("|")[0])
        return path, "a text", ".txt"

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
    version = store.add(source)
    store.add_record(Record(key, (version,), (True,), {"outputs": tagged(((), ()))}, 1.0, "rule"))
    store.assign("files", "s1/a text.txt", version, key)
    shelf = OnDisk(store.root, Texts())
    assert shelf.find("files/s1/a text.txt") == result_id(key)
    assert shelf.get(result_id(key)).item == "made by a rule"
    assert shelf.put("the same, made in Python", MADE) == result_id(key)


def test_deleted_everywhere_and_cleared_by_gc(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    shelf = OnDisk(store.root, Texts())
    source = tmp_path / "x"
    source.write_text("twice")
    item_id = shelf.put("twice")
    store.publish("files", "other/a text.txt", source)
    assert shelf.find("files/other/a text.txt") == item_id
    assert len(shelf.list_all()) == 1
    assert shelf.delete(item_id)
    assert not list(store.under("files"))
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


def test_putting_many_does_not_look_at_all_of_them(tmp_path: Path, monkeypatch) -> None:
    shelf = OnDisk(tmp_path / "store", Texts())
    for number in range(5):
        shelf.put(f"{number}|rest")
    monkeypatch.setattr(OnDisk, "_entries", lambda self: pytest.fail("it looks at all of them"))
    item_id = shelf.put("another|rest", MADE)
    assert shelf.get(item_id).item == "another|rest"
    assert shelf.put("another|rest", MADE) == item_id


def test_what_cannot_be_opened_is_named_when_it_is_used(tmp_path: Path, monkeypatch) -> None:
    shelf = OnDisk(tmp_path / "store", Texts())
    item_id = shelf.put("a")

    def refuse(*a: object) -> None:
        raise InputError("it is another format")

    monkeypatch.setattr(Texts, "read", refuse)
    (kept,) = shelf.list_all()
    with pytest.raises(StoreError, match=rf"files/{item_id}/a text.txt .*it is another format"):
        _ = kept.item


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.just(Path("a/b"))
)
values = st.recursive(
    scalars,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), parts, max_size=3)
        | st.frozensets(scalars, max_size=3)
    ),
)


@given(values)
def test_values_come_back_as_they_were(value: Any) -> None:
    again = untagged(tagged(value))
    assert again == value
    assert tagged(again) == tagged(value)
