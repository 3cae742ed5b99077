"""Local copies: right, whole, and never a way to write into the store."""

import errno
import os

import pytest

from snakemake_storage_plugin_seqstore import Store
from snakemake_storage_plugin_seqstore.store import Materialisation, filesystem, materialise
from tests.filesystems import CLONING, mounted

from .people import NEEDS_ROOT, as_user, open_way_to

_LARGE = 32 << 20  # bytes


@pytest.fixture
def reachable(tmp_path):
    """A directory that everybody may use."""
    open_way_to(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    return work


@pytest.mark.parametrize("how", Materialisation)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_bytes_time_and_executable_bit(store, make, tmp_path, how, mode):
    entry = store.publish("files", "a", make(b"#!/bin/sh\n", mode=mode))
    target = tmp_path / "target"
    materialise(store, entry, target, how)
    assert target.read_bytes() == b"#!/bin/sh\n"
    assert target.lstat().st_mtime_ns == entry.time
    assert bool(target.stat().st_mode & 0o100) == (mode == 0o755)


@pytest.mark.parametrize("how", Materialisation)
def test_a_copy_cannot_change_the_store(store, make, tmp_path, how):
    entry = store.publish("files", "a", make(b"mine"))
    target = tmp_path / "target"
    materialise(store, entry, target, how)
    if target.is_symlink():
        with pytest.raises(PermissionError):
            target.open("ab")
    else:
        target.chmod(0o644)
        target.write_bytes(b"changed")
    store.verify(entry.version, "it")


@NEEDS_ROOT
def test_root_gets_no_link(store, make, tmp_path):
    entry = store.publish("files", "a", make())
    materialise(store, entry, tmp_path / "target", Materialisation.SYMLINK)
    assert not (tmp_path / "target").is_symlink()


def test_others_get_a_link_but_for_executables(store, make, reachable):
    plain = store.publish("files", "a", make(b"plain"))
    program = store.publish("files", "b", make(b"program", mode=0o755))

    def use():
        materialise(store, plain, reachable / "plain", Materialisation.SYMLINK)
        materialise(store, program, reachable / "program", Materialisation.SYMLINK)
        assert os.readlink(reachable / "plain") == str(store.objects.path(plain.version.digest))
        assert (reachable / "plain").read_bytes() == b"plain"
        assert (reachable / "plain").lstat().st_mtime_ns == plain.time
        assert not (reachable / "program").is_symlink()
        assert os.access(reachable / "program", os.X_OK)
        try:
            (reachable / "plain").open("ab")
        except PermissionError:
            return 0
        return 1

    assert as_user(use) == 0


@pytest.fixture(params=CLONING)
def cloning(request, tmp_path):
    """A directory whose files can be cloned."""
    open_way_to(tmp_path)
    with mounted(request.param, tmp_path / request.param) as place:
        yield place


@pytest.mark.parametrize("who", [0, 65534])
def test_a_clone_is_an_ordinary_file_that_takes_no_more_bytes(cloning, make, who):
    store = Store(cloning / "store")
    entry = store.publish("files", "a", make(os.urandom(_LARGE)))
    os.sync()
    free = os.statvfs(cloning).f_bavail

    def use():
        target = cloning / "target"
        materialise(store, entry, target, Materialisation.AUTO)
        os.sync()
        assert not target.is_symlink()
        assert (free - os.statvfs(cloning).f_bavail) * os.statvfs(cloning).f_frsize < _LARGE / 4
        with target.open("ab") as file:
            file.write(b"more")
        return target.stat().st_size != _LARGE + 4

    assert as_user(use, who, who) == 0
    store.verify(entry.version, "it")


@pytest.mark.parametrize("who", [0, 65534])
def test_between_filesystems_there_are_links_and_for_root_copies(cloning, make, reachable, who):
    store = Store(cloning / "store")
    entry = store.publish("files", "a", make(b"bytes"))

    def use():
        materialise(store, entry, reachable / "target", Materialisation.AUTO)
        assert (reachable / "target").read_bytes() == b"bytes"
        return (reachable / "target").is_symlink() != (who != 0)

    assert as_user(use, who, who) == 0


def test_whether_files_can_be_cloned_is_tried_once(store, make, reachable, monkeypatch):
    entry = store.publish("files", "a", make())
    tried = []

    def use():
        monkeypatch.setattr(filesystem, "_cloning", {})
        monkeypatch.setattr(filesystem, "clone", lambda *files: tried.append(files))
        for name in "abc":
            materialise(store, entry, reachable / name, Materialisation.AUTO)
            assert (reachable / name).is_symlink()
        return len(tried) != 1 or len(list(reachable.iterdir())) != 3

    assert as_user(use) == 0


@pytest.mark.parametrize("before", ["nothing", "file", "link", "directory"])
@pytest.mark.parametrize("kind", ["file", "tree"])
def test_what_is_there_is_replaced(store, make, tmp_path, before, kind):
    target = tmp_path / "target"
    if before == "file":
        target.write_text("before")
    elif before == "link":
        target.symlink_to(make(b"precious", "elsewhere"))
    elif before == "directory":
        target.mkdir()
        (target / "before").touch()
    source = make()
    if kind == "tree":
        source = tmp_path / "source_directory"
        source.mkdir()
        (source / "member").write_bytes(b"content")
    entry = store.publish("files", "a", source)
    materialise(store, entry, target, Materialisation.COPY)
    assert not target.is_symlink()
    if kind == "tree":
        assert [path.name for path in target.iterdir()] == ["member"]
    else:
        assert target.read_bytes() == b"content"
    if before == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_failed_copy_leaves_what_was_there(store, make, tmp_path, monkeypatch):
    entry = store.publish("files", "a", make())
    target = tmp_path / "work" / "target"
    target.parent.mkdir()
    target.write_text("before")

    def fail(*args, **kwargs):
        raise OSError("gone")

    monkeypatch.setattr(os, "utime", fail)
    with pytest.raises(OSError, match="gone"):
        materialise(store, entry, target, Materialisation.COPY)
    assert target.read_text() == "before"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_filesystem_without_links_gets_a_copy(store, make, reachable, monkeypatch):
    entry = store.publish("files", "a", make(b"bytes"))

    def use():
        def refuse(*args, **kwargs):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "symlink", refuse)
        materialise(store, entry, reachable / "target", Materialisation.SYMLINK)
        return (reachable / "target").is_symlink() or (
            (reachable / "target").read_bytes() != b"bytes"
        )

    assert as_user(use) == 0


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_payload_on_a_filesystem_without_modes_is_copied(store, make, reachable, mode):
    entry = store.publish("files", "a", make(b"plain"))
    store.objects.path(entry.version.digest).chmod(mode)  # as all files look there

    def use():
        materialise(store, entry, reachable / "a", Materialisation.SYMLINK)
        (reachable / "a").write_bytes(b"changed")
        assert not os.access(reachable / "a", os.X_OK)
        return 0

    assert as_user(use) == 0
    assert store.objects.path(entry.version.digest).read_bytes() == b"plain"
