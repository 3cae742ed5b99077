"""The storage objects themselves, by the ecosystem's own test class and beyond it."""

import copy
import logging
import time

import pytest
import snakemake
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_storage_plugins.tests import TestStorageBase

import snakemake_storage_plugin_seqstore as seqstore
from snakemake_storage_plugin_seqstore import (
    SequenceStore,
    StorageObject,
    StorageProvider,
    StorageProviderSettings,
    Store,
)
from snakemake_storage_plugin_seqstore.store import evidence
from snakemake_storage_plugin_seqstore.workflow.files import Answer


class TestStorage(TestStorageBase):
    __test__ = True
    touch = True
    files_only = False

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path):
        self.root = tmp_path / "store"

    def get_query(self, tmp_path):
        return "seqstore://files/a/test.txt"

    def get_query_not_existing(self, tmp_path):
        return "seqstore://files/a/missing.txt"

    def get_storage_provider_cls(self):
        return StorageProvider

    def get_storage_provider_settings(self):
        return StorageProviderSettings(root=self.root)


class TestSequences(TestStorage):
    retrieve_only = True
    files_only = True

    @pytest.fixture(autouse=True)
    def _database(self, _root, database):
        Store(self.root).publish("sequences", "proteins.sqlite", database)

    def get_query(self, tmp_path):
        return "seqstore://sequences/proteins.sqlite"


class TestViews(TestSequences):
    touch = False

    def get_query(self, tmp_path):
        return "seqstore://sequences/proteins.sqlite?length=10-20&format=fasta.gz"


@pytest.fixture
def provider(tmp_path):
    def provider(**settings):
        settings.setdefault("root", tmp_path / "store")
        return StorageProvider(
            local_prefix=tmp_path / "local",
            logger=logging.getLogger(),
            settings=StorageProviderSettings(**settings),
        )

    return provider


@pytest.fixture
def obj(provider):
    """A storage object, with its local directory made."""

    def obj(query, **settings):
        found = provider(**settings).object(query)
        found.local_path().parent.mkdir(parents=True, exist_ok=True)
        return found

    return obj


def test_the_classes_are_those_that_snakemake_looks_for():
    assert StorageProvider.get_storage_object_cls() is StorageObject


def test_example_queries_are_valid():
    for example in StorageProvider.example_queries():
        assert StorageProvider.is_valid_query(example.query), example


def test_other_schemes_are_left_to_others():
    for query in ("s3://bucket/x", "https://host/x", ""):
        assert not StorageProvider.is_valid_query(query)
    assert not StorageProvider.is_valid_query("x.txt")  # it may be another plugin's


@pytest.mark.parametrize("setting", [{"materialize": "hardlink"}, {"verify": "md5"}])
def test_a_bad_setting_is_refused(provider, setting):
    (name,) = setting
    with pytest.raises(WorkflowError, match=f"{name} .allowed: "):
        provider(**setting)


def test_a_relative_root_follows_the_workflow(provider, tmp_path, monkeypatch):
    found = provider(root=None)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert found.store.root == tmp_path / name / ".seqstore"


def test_root_expands_user_and_variables(provider, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("LAB", "lab1")
    assert str(provider(root="~/$LAB/store").store.root) == "/home/me/lab1/store"


def test_views_are_what_they_say(obj, database):
    obj("seqstore://files/x").provider.store.publish("sequences", "p.sqlite", database)
    view = obj("seqstore://sequences/p.sqlite?length=10-20")
    view.retrieve_object()
    assert view.local_path().read_text() == ">sp|P2|TWO second protein\nMKVLAMKVLAMKVLA\n"
    assert view.size() == view.local_path().stat().st_size
    assert view.local_path().stat().st_mtime == view.mtime()


def test_a_views_checksum_depends_on_content_and_view_alone(obj, database, tmp_path, fasta):
    store = obj("seqstore://files/x").provider.store

    def checksum(view):
        return obj(f"seqstore://sequences/p.sqlite?{view}").checksum()

    store.publish("sequences", "p.sqlite", database)
    first = checksum("length=10-20")
    store.touch("sequences", "p.sqlite")
    assert checksum("length=10-20&format=fasta") != checksum("length=10-20&format=tsv")
    assert checksum("length=10-20") == first
    assert checksum("length=10-21") != first
    store.publish("sequences", "other.sqlite", database)
    assert obj("seqstore://sequences/other.sqlite?length=10-20").checksum() == first
    fasta.write_text(fasta.read_text() + ">new\nMK\n")
    SequenceStore.build(database, [fasta])
    store.publish("sequences", "p.sqlite", database)
    assert checksum("length=10-20") != first


def test_a_pin_means_one_version_for_ever(obj, tmp_path):
    store = obj("seqstore://files/x").provider.store
    source = tmp_path / "source"
    source.write_text("one")
    first = store.publish("files", "a.txt", source)
    source.write_text("two")
    store.publish("files", "a.txt", source)
    pinned = obj(f"seqstore://files/a.txt?sha256={first.version.digest}")
    pinned.retrieve_object()
    assert pinned.local_path().read_text() == "one"
    assert pinned.checksum() == f"sha256:{first.version.digest}"
    assert pinned.mtime() == first.mtime
    assert not obj(f"seqstore://files/a.txt?sha256={'0' * 64}").exists()


def test_a_view_cannot_be_written(obj):
    view = obj("seqstore://sequences/p.sqlite?gids=1")
    view.local_path().write_text("x")
    with pytest.raises(WorkflowError, match=r"write to seqstore://sequences/p\.sqlite"):
        view.store_object()


@pytest.mark.parametrize("content", [b"", b"test", b"SQLite format 3\0" + b"\0" * 4096])
def test_what_is_no_sequence_database_is_refused(obj, content):
    bad = obj("seqstore://sequences/p.sqlite")
    bad.local_path().write_bytes(content)
    with pytest.raises(WorkflowError, match=r"p\.sqlite"):
        bad.store_object()
    assert not bad.exists()


def test_nothing_to_store_is_an_error(obj):
    with pytest.raises(WorkflowError, match="does not exist"):
        obj("seqstore://files/never-made").store_object()


def test_asking_for_what_is_not_there_is_an_error(obj):
    missing = obj("seqstore://files/missing")
    for ask in (missing.mtime, missing.size, missing.checksum, missing.retrieve_object):
        with pytest.raises(WorkflowError, match=r"seqstore://files/missing is not in the store"):
            ask()


def test_verification_finds_changed_bytes(obj, tmp_path):
    entry = obj("seqstore://files/a")
    entry.local_path().write_text("content")
    entry.store_object()
    digest = entry.checksum().removeprefix("sha256:")
    payload = entry.provider.store.objects.path(digest)
    payload.chmod(0o644)
    payload.write_text("c0ntent")
    assert not obj("seqstore://files/a").exists()
    with payload.open("rb") as file:  # as if the disk had changed it, without anybody's doing
        evidence.give(file.fileno(), time.time_ns())
    checked = obj("seqstore://files/a", verify="sha256")
    with pytest.raises(WorkflowError, match="changed on disk"):
        checked.retrieve_object()
    assert not checked.exists()


def test_listing_is_by_prefix_and_gives_queries(obj, tmp_path):
    store = obj("seqstore://files/x").provider.store
    (tmp_path / "source").touch()
    for name in ("a/1.bw", "a/2.bw", "b/1.bw"):
        store.publish("tracks", name, tmp_path / "source")
    found = list(obj("seqstore://tracks/a/{n}.bw").list_candidate_matches())
    assert found == ["seqstore://tracks/a/1.bw", "seqstore://tracks/a/2.bw"]
    with pytest.raises(WorkflowError, match="without its view"):
        list(obj("seqstore://sequences/{n}.db?gids=1").list_candidate_matches())


def test_local_paths_do_not_collide(obj):
    queries = [
        "seqstore://files/a.sqlite",
        "seqstore://sequences/a.sqlite",
        "seqstore://sequences/a.sqlite?gids=1",
        "seqstore://sequences/a.sqlite?gids=1&format=tsv",
    ]
    assert len({obj(query).local_path() for query in queries}) == len(queries)


def test_retrieve_false_is_refused_where_snakemake_would_delete(provider, monkeypatch):
    monkeypatch.setattr(snakemake, "__version__", "9.23.0")
    with pytest.raises(WorkflowError, match=r"before 9\.23\.1"):
        provider().object("seqstore://files/a", retrieve=False)
    assert provider().object("seqstore://files/a").retrieve
    monkeypatch.setattr(snakemake, "__version__", "9.23.1")
    assert not provider().object("seqstore://files/a", retrieve=False).retrieve


def test_reuse_is_refused_where_snakemake_is_too_old_or_names_are_no_list(monkeypatch):
    with pytest.raises(WorkflowError, match="list of rule names, not 'map'"):
        seqstore.reuse(None, ignore_file_names="map")
    monkeypatch.setattr(snakemake, "__version__", "9.22")
    with pytest.raises(WorkflowError, match=r"9\.23\.1 or newer"):
        seqstore.reuse(None)


def test_what_the_store_reports_goes_to_snakemakes_logger(provider, tmp_path, caplog):
    records = []
    snakemake = logging.Logger("snakemake", logging.INFO)
    snakemake.addHandler(
        type("Keep", (logging.Handler,), {"emit": lambda _, r: records.append(r)})()
    )
    found = StorageProvider(
        local_prefix=tmp_path / "local",
        logger=snakemake,
        settings=StorageProviderSettings(root=tmp_path / "store"),
    )
    (tmp_path / "a").write_text("a")
    entry = found.store.publish("files", "a", tmp_path / "a")
    found.store.objects.path(entry.version.digest).unlink()
    assert not found.object("seqstore://files/a").exists()
    assert ["files/a" in record.getMessage() for record in records] == [True]


def test_what_was_said_of_one_query_is_not_said_of_another(obj, tmp_path):
    """Snakemake replaces the queries of copies."""
    one = obj("seqstore://files/one")
    store = one.provider.store
    (tmp_path / "file").write_text("content")
    one.answer = Answer((store, store.publish("files", "another", tmp_path / "file")))
    assert one.exists()
    other = copy.copy(one)
    other.query = "seqstore://files/other"
    assert not other.exists()
    assert other.local_path().name == "other"
    assert one.exists()
    assert one.local_path().name == "one"
    one.answer.stands = False
    assert not one.exists()
