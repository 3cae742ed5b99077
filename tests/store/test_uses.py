"""What projects use without having made it."""

import errno
import hashlib
import os
import time

import pytest

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import (
    Store,
    directories,
    filesystem,
    maintenance,
    projects,
    version_log,
)
from snakemake_storage_plugin_seqstore.store.parsing import MalformedError

_YEAR = 365 * 86400 * 10**9  # ns
_TICK = 2 * version_log.TICK / 10**9  # s; what is written in one has the same time


@pytest.fixture
def versions(store, make):
    """Two payloads that nobody means."""
    return store.add(make(b"one")), store.add(make(b"two"))


@pytest.fixture
def collect(store, monkeypatch):
    """Collect garbage in a year, or later; give the digests of what is there afterwards."""

    def collect(years=1, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(filesystem, "clock", lambda _: time.time_ns() + years * _YEAR)
            maintenance.collect_garbage(store, 30 * 86400, **kwargs)
        return {digest for digest, _ in store.objects}

    return collect


def lists(store, project="p"):
    """The files with what a project uses."""
    folder = store.root / "projects" / project
    return sorted(folder.iterdir()) if folder.exists() else []


def names(store, project="p"):
    """What a project uses, by another object that remembers nothing."""
    uses = Store(store.root).uses.of(project)
    return {"/".join(name): use.version for name, use in uses.items()}


def use(store, project, **versions):
    """Let a project use versions as files of these names."""
    store.use(project, {("files", name): version for name, version in versions.items()})


def test_what_a_project_uses_is_no_garbage(store, versions, make, collect):
    one, _ = versions  # the other one is garbage
    make(b"member", "tree/member")
    tree = store.add(make(b"other", "tree/other").parent)
    use(store, "p", a=one)
    use(store, "p", b=one, tree=tree)
    assert len(lists(store)) == 1
    assert names(store) == {"files/a": one, "files/b": one, "files/tree": tree}
    assert collect() == {one.digest, *store.payloads(tree)}
    assert not store.find("files", "a")  # to use is not to publish


def test_what_is_used_is_new_to_gc(store, versions, monkeypatch):
    """`gc` that looked before does not take it either."""
    (one, _), real = versions, maintenance._used

    def used(*args):
        found = real(*args)
        os.utime(store.objects.path(one.digest), (10**9, 10**9))
        use(store, "p", a=one)
        return found

    monkeypatch.setattr(maintenance, "_used", used)
    maintenance.collect_garbage(store, 0)
    assert store.has_payload(one)


def test_a_newer_version_of_the_project_counts_more(store, versions, collect):
    one, two = versions
    use(store, "p", a=one, b=one)
    time.sleep(_TICK)
    store.assign("files", "a", two, project="p")
    assert store.means("files", "a", two, "p") and store.means("files", "b", one, "p")
    store.assign("files", "b", two, project="other")
    assert collect() == {one.digest, two.digest}  # by `b`
    assert names(store) == {"files/b": one}
    store.assign("files", "b", two, project="p")
    assert collect(0) == {one.digest, two.digest}  # it is not old yet
    assert collect() == {two.digest}
    assert lists(store) == []
    use(store, "p", a=one)  # and back again
    assert store.means("files", "a", one, "p")


def test_what_is_removed_is_not_used(store, versions, collect):
    one, two = versions
    store.publish("files", "a", store.objects.path(one.digest))
    use(store, "p", a=one, b=two)
    use(store, "q", a=one)
    assert store.projects("files", "a") == ["p", "q"]
    assert store.remove("files", "a")
    assert not store.remove("files", "a")
    assert store.projects("files", "a") == []
    assert collect(dry_run=True) == {one.digest, two.digest}
    assert names(store).keys() == {"files/a", "files/b"}
    assert collect() == {two.digest}
    assert names(store) == {"files/b": two} and lists(store, "q") == []
    # Nor are the removals needed any more.
    assert not any(log for project, log in store.names.logs("files", "a") if project)


def test_a_project_is_forgotten(store, versions, collect):
    one, two = versions
    store.publish("files", "a", store.objects.path(one.digest))
    store.assign("files", "b", one, project="p")
    store.assign("files", "b", two, project="q")
    use(store, "p", c=one, d=two)
    time.sleep(_TICK)
    store.assign("files", "d", one, project="p")
    found = projects.projects(store)
    assert {name: project.files for name, project in found.items()} == {"p": 3, "q": 1}
    assert found["p"].time == store.history("files", "d")[0].time
    projects.forget(store, "p")
    assert projects.projects(store).keys() == {"q"}
    assert [*store.under("files")] == ["a", "b"]
    store.remove("files", "a")
    assert collect() == {two.digest}


def test_the_name_of_a_project_has_one_segment(store, versions, make):
    with pytest.raises(MalformedError, match="'lab/p' is no name of a project"):
        use(store, "lab/p", one=versions[0])
    with pytest.raises(MalformedError, match="'lab/p' is no name of a project"):
        store.assign("files", "x", versions[0], project="lab/p")


def test_a_temporary_is_given_up_by_who_uses_it(store, versions, collect):
    one, two = versions
    use(store, "p", a=one, b=one)
    store.withdraw("files", "a", two, "p")  # it is another one
    assert store.means("files", "a", one, "p")
    store.withdraw("files", "a", one, "p")
    assert not store.means("files", "a", one, "p")
    use(store, "p", a=one)
    assert store.means("files", "a", one, "p")
    store.withdraw("files", "a", one, "p")
    store.withdraw("files", "b", one, "p")
    assert collect() == set()


def test_lists_that_two_wrote_at_once_count_together(store, versions, monkeypatch):
    one, two = versions
    use(store, "p", a=one)
    time.sleep(_TICK)
    real = Store(store.root).uses
    second = Store(store.root)
    load = second.uses._load

    def meanwhile(stamp):
        found = load(stamp)
        real.add("p", {("files", "b"): two})
        return found

    monkeypatch.setattr(second.uses, "_load", meanwhile)
    use(second, "p", a=two, c=one)
    assert len(lists(store)) == 2
    assert names(store) == {"files/a": two, "files/b": two, "files/c": one}
    use(store, "p", d=one)
    assert len(lists(store)) == 1 and len(names(store)) == 4


def test_a_list_that_is_replaced_while_it_is_read(store, versions, monkeypatch):
    one, two = versions
    use(store, "p", a=one)
    other = Store(store.root)
    load, calls = other.uses._load, []

    def replaced(stamp):
        calls.append(stamp)
        if len(calls) == 1:
            use(store, "p", b=two)
        return load(stamp)

    monkeypatch.setattr(other.uses, "_load", replaced)
    assert other.uses.of("p").keys() == {("files", "a"), ("files", "b")} and len(calls) == 2


@pytest.mark.parametrize("call", ["rename", "unlink"])
def test_a_failure_on_the_way_loses_nothing(store, versions, monkeypatch, call):
    one, two = versions
    use(store, "p", a=one)
    for number in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(
                directories if call == "unlink" else os,
                "remove" if call == "unlink" else call,
                lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, "lost")),
            )
            with pytest.raises(StoreError, match=r"what p uses.*lost"):
                use(store, "p", **{f"x{number}": two})
        assert names(store)["files/a"] == one
    use(store, "p", b=two)
    assert {"files/a", "files/b"} <= names(store).keys() and len(lists(store)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"list": 1}',
        b'{"list": 2, "uses": {}}',
        b'{"list": 1, "uses": {"files/../a": {}}}',
        b'{"list": 1, "uses": {"files/a": {"digest": "0", "kind": "file", "size": 1, "time": 1}}}',
    ],
)
@pytest.mark.parametrize("is_forged", [False, True])
def test_a_damaged_list_is_named_and_nothing_is_taken(store, versions, collect, content, is_forged):
    one, two = versions
    use(store, "p", a=one)
    (path,) = lists(store)
    path.chmod(0o644)
    path.write_bytes(content)
    if is_forged:
        digest = hashlib.sha256(content).hexdigest()
        path = path.rename(path.with_name(f"{path.name[:20]}-{digest}.json"))
    with pytest.raises(MalformedError, match=path.name):
        Store(store.root).uses.of("p")
    with pytest.raises(StoreError, match=f"project p uses.*{path.name}.*remove it"):
        collect()
    assert {digest for digest, _ in store.objects} == {one.digest, two.digest}
    use(store, "p", b=two)  # it does not disturb
    assert path in lists(store) and len(lists(store)) == 2
    path.unlink()
    assert names(store) == {"files/b": two}
