"""Who may write to a shared store reaches nothing outside it, stops nobody and crashes nobody.

Alice and Mallory are of one group, and the store was made by ``init --shared``.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
from contextlib import suppress

import pytest
from click.testing import CliRunner

from snakemake_storage_plugin_seqstore import cli, transfer
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store, filesystem, maintenance
from snakemake_storage_plugin_seqstore.store import marker as markers
from snakemake_storage_plugin_seqstore.store.store import Record
from snakemake_storage_plugin_seqstore.store.version import Version

from .people import ALICE, LAB, MALLORY, NEEDS_ROOT, as_user, open_way_to

pytestmark = NEEDS_ROOT
KEY = "ab" * 32
LONG_AGO = 1_000_000_000
SECRET = b"private key"


class Lab:
    """A shared store with one file of Alice's, and a home of hers that nobody else may enter."""

    def __init__(self, top):
        self.top = top
        self.root = top / "lab" / "store"
        self.home = top / "alice"
        self.work = top / "work"
        open_way_to(top)
        for directory, mode in ((top / "lab", 0o2770), (self.home, 0o700), (self.work, 0o777)):
            directory.mkdir()
            os.chown(directory, ALICE, LAB)
            directory.chmod(mode)
        self.keys = [self.home / "id_ed25519", self.home / "sub" / ("c" * 62)]
        self.keys[1].parent.mkdir()
        for key in self.keys:
            key.write_bytes(SECRET)
            key.chmod(0o600)
            os.chown(key, ALICE, ALICE)
            os.utime(key, (LONG_AGO, LONG_AGO))
        os.chown(self.keys[1].parent, ALICE, ALICE)
        assert self.alice(self.begin) == 0

    def begin(self):
        markers.create(self.root, shared=True)
        (self.work / "a").write_text("alice's")
        self.store.publish("files", "a", self.work / "a")
        (self.work / "a").write_text("alice's second")
        self.store.publish("files", "a", self.work / "a")

    @property
    def store(self):
        return Store(self.root)

    def alice(self, function):
        return as_user(function, ALICE, LAB)

    def mallory(self, function):
        assert as_user(function, MALLORY, LAB) == 0

    def plant(self, content, kind="tree", name="planted"):
        """Publish bytes as if they were something else, under Mallory's name."""

        def put():
            digest = hashlib.sha256(content).hexdigest()
            self.store.objects.add_bytes(content, digest)
            self.store.names.add("files", name, Version(digest, kind, len(content)))

        self.mallory(put)

    def use_everything(self):
        """What Alice does with a store; it may be told in words that something does not work."""
        real = filesystem.clock
        filesystem.clock = lambda root: real(root) + 100 * 86400 * 10**9
        runner = CliRunner()
        (self.work / "b").write_text("b")
        shutil.rmtree(self.work / "out", ignore_errors=True)
        (self.work / "out").mkdir()
        for words in (
            ("ls",),
            ("ls", "-l"),
            ("history", "files/a"),
            ("history", "files/planted"),
            ("get", "files/a", self.work / "out/a"),
            ("get", "files/planted", self.work / "out/planted"),
            ("put", self.work / "b", "files/b"),
            ("put", self.work / "b", "files/planted"),
            ("du",),
            ("gc", "--older-than", "1d", "-n"),
            ("gc", "--older-than", "1d"),
            ("nondeterministic",),
            ("verify",),
            ("gc", "--older-than", "1d"),
            ("init", "--shared"),
        ):
            done = runner.invoke(cli.main, ["--root", str(self.root), *map(str, words)])
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            assert "\x1b" not in done.output, words
            self.said[words] = done.output
        with suppress(SeqstoreError):
            next(iter(self.store.find_records(KEY)), None)
            self.store.add_record(Record(KEY, (), (), {}, 1.0, "rule"))

    def assert_unharmed(self):
        """Alice can use the store, and nothing of hers outside changed."""
        self.said = {}
        assert self.alice(self.use_everything) == 0
        for key in self.keys:
            status = key.stat()
            assert key.read_bytes() == SECRET
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert (status.st_uid, status.st_gid) == (ALICE, ALICE)
        assert sorted(path.name for path in self.home.rglob("*")) == ["c" * 62, "id_ed25519", "sub"]
        assert stat.S_IMODE(self.home.stat().st_mode) == 0o700
        assert sorted(path.name for path in self.top.iterdir()) == ["alice", "lab", "work"]

    def assert_works(self):
        """And besides, nothing is in her way."""

        def use():
            assert self.store.find("files", "a"), "a name"
            (self.work / "again").write_text("again")
            entry = self.store.publish("files", "again", self.work / "again")
            self.store.verify(entry.version, "it")
            maintenance.collect_garbage(self.store, 0)

        assert self.alice(use) == 0


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def digest_of(lab):
    return lab.store.history("files", "a")[0].digest


def shard(lab):
    return f"objects/{digest_of(lab)[:2]}"


def replace_by_link(lab, path, target):
    def act():
        place = lab.root / path
        if place.exists():
            place.rename(lab.root / f"old-{os.urandom(4).hex()}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    lab.mallory(act)


@pytest.mark.parametrize("target", ["", "sub"])
@pytest.mark.parametrize(
    "place",
    [
        *("tmp", "damaged", "objects", "objects/cc", "objects/ab", "shard", "names", "names/files"),
        *("names/files/x", "names/files/x/@", "names/files/a/@", "records", f"records/{KEY[:2]}"),
    ],
)
def test_links_in_place_of_directories(lab, place, target):
    place = shard(lab) if place == "shard" else place
    replace_by_link(lab, place, lab.home / target)
    lab.assert_unharmed()


@pytest.mark.parametrize("kind", ["link", "hard link", "link to a directory"])
def test_sharing_opens_nothing_else(lab, kind):
    for folder in ("tmp", "objects/cc", "names/files/x/@", "damaged"):
        path = lab.root / folder / "key"
        path.parent.mkdir(parents=True, exist_ok=True)
        for directory in path.relative_to(lab.root).parents:
            os.chown(lab.root / directory, ALICE, LAB)
        if kind == "hard link":  # the kernel lets Mallory make none, but not everywhere
            os.link(lab.keys[0], path)
        else:
            path.symlink_to(lab.home if "directory" in kind else lab.keys[0])

    def share():
        with suppress(SeqstoreError):
            markers.create(lab.root, shared=True)

    assert lab.alice(share) == 0
    assert stat.S_IMODE(lab.keys[0].stat().st_mode) == 0o600
    assert lab.keys[0].stat().st_gid == ALICE
    assert stat.S_IMODE(lab.home.stat().st_mode) == 0o700


def manifests(lab):
    digest, home = digest_of(lab), str(lab.home)
    file = {"digest": digest, "size": 14}
    yield [{"path": f"{home}/bin/git", "executable": True, **file}]
    yield [{"path": "../../alice/git", **file}]
    yield [{"path": "x/../../../alice/git", **file}]
    yield [{"path": "l", "link": home}, {"path": "l/git", **file}]
    yield [{"path": "l", "link": "../.."}, {"path": "l/git", **file}]
    yield [{"path": "s/l", "link": "."}, {"path": "t", "link": "s/l/../../alice/id_ed25519"}]
    yield [{"path": "a", **file}, {"path": "a/b", **file}]
    yield [{"path": "a", **file}, {"path": "a", "link": "b"}]
    yield [{"path": "a", "digest": f"../../../alice/{lab.keys[0].name}"}]
    yield [{"path": "a", "digest": str(lab.keys[0])}]
    yield [{"path": "a\0b", **file}]
    yield [{"path": ""}]
    yield [{"path": "a", "digest": digest, "size": "14"}]
    yield [{"path": ["a"]}, {"surprise": 1}]
    yield "members"
    yield [[]] * 100


@pytest.mark.parametrize("number", range(16))
def test_manifests_that_lead_elsewhere(lab, number):
    members = list(manifests(lab))
    assert len(members) == 16
    lab.plant(json.dumps({"members": members[number], "tree": 1}, separators=(",", ":")).encode())

    def use():
        assert lab.store.find("files", "planted") is None
        with pytest.raises(SeqstoreError):
            transfer.retrieve(lab.store, Query.parse("seqstore://files/planted"), lab.work / "out")
        assert not os.path.lexists(lab.work / "out")

    assert lab.alice(use) == 0
    lab.assert_unharmed()
    lab.assert_works()


@pytest.mark.parametrize(
    "deep",
    [b"[" * 200_000, b'{"members":' + b"[" * 900 + b"]" * 900 + b"}"],
    ids=["a list", "members"],
)
def test_deep_manifests(lab, deep):
    lab.plant(deep)
    lab.assert_unharmed()
    lab.assert_works()


def test_a_large_manifest_is_not_read(lab):
    lab.plant(b'{"members":[]}')

    def grow():
        digest = lab.store.history("files", "planted")[0].digest
        path = lab.store.objects.path(digest)
        path.chmod(0o644)
        os.truncate(path, 1 << 40)

    lab.mallory(grow)

    def use():
        assert lab.store.find("files", "planted") is None

    assert lab.alice(use) == 0


PATHS = ["../../../../alice/id_ed25519", "ab", KEY.upper(), KEY + "\n", "cc" + "../" * 20 + "c", 7]


@pytest.mark.parametrize("digest", [*PATHS, "key"])
@pytest.mark.parametrize("where", ["name", "record"])
def test_digests_that_are_paths(lab, digest, where):
    digest = str(lab.keys[0]) if digest == "key" else digest
    version = {"digest": digest, "kind": "file", "size": len(SECRET), "executable": False}
    record = {"record": 1, "key": KEY, "outputs": [version], "stored": [True], "provenance": {}}
    record |= {"seconds": 1.0, "rule": "x"}

    def act():
        content = json.dumps(version if where == "name" else record).encode()
        name = f"{2**60:020d}-{hashlib.sha256(content).hexdigest()}.json"
        folder = "names/files/planted/@" if where == "name" else f"records/{KEY[:2]}/{KEY[2:]}"
        (lab.root / folder).mkdir(parents=True)
        (lab.root / folder / name).write_bytes(content)
        for place in (lab.root / folder).relative_to(lab.root).parents:
            with suppress(PermissionError):
                (lab.root / place).chmod(0o2775)

    lab.mallory(act)

    def use():
        assert lab.store.find("files", "planted") is None
        assert next(iter(lab.store.find_records(KEY)), None) is None

    assert lab.alice(use) == 0
    lab.assert_unharmed()
    lab.assert_works()


def put_special(path, kind, lab):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
        (path / "x").touch()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else lab.keys[0])


@pytest.mark.parametrize("kind", ["pipe", "device", "link", "directory"])
@pytest.mark.parametrize(
    "what", ["payload", "manifest", "version", "record", "unfinished", "stray"]
)
def test_what_is_no_file(lab, what, kind):
    lab.plant(b'{"members":[],"tree":1}')
    store, digest = lab.store, digest_of(lab)

    def act():
        tree = store.history("files", "planted")[0]
        places = {
            "payload": [store.objects.path(digest)],
            "manifest": [store.objects.path(tree.digest)],
            "version": [tree.path, tree.path.with_name(f"{2**60:020d}-{KEY}.json")],
            "record": [lab.root / f"records/ab/{KEY[2:]}" / f"{2**60:020d}-{KEY}.json"],
            "unfinished": [lab.root / "tmp/x", lab.root / "damaged/x"],
            "stray": [
                lab.root / place
                for place in ("x", "objects/x", "objects/ab/x", "records/x", "records/ab/x")
            ]
            + [lab.root / place for place in ("names/x", "names/files/x", "names/files/a/@/x")],
        }[what]
        for path in places:
            put_special(path, kind, lab)

    lab.mallory(act)
    lab.assert_unharmed()
    if what in ("payload", "manifest"):
        # `verify` has set it aside, and who has the bytes puts them back.

        def heal():
            (lab.work / "a").write_text("alice's second")
            lab.store.publish("files", "a", lab.work / "a")

        assert lab.alice(heal) == 0
    lab.assert_works()


@pytest.mark.parametrize("kind", ["pipe", "device", "link", "directory"])
def test_a_marker_that_is_no_file(lab, kind):
    lab.mallory(lambda: put_special(lab.root / "seqstore.json", kind, lab))
    lab.assert_unharmed()


def test_a_directory_in_place_of_a_payload_is_in_nobodys_way(lab):
    content = b"to be published"
    digest = hashlib.sha256(content).hexdigest()

    def act():
        (lab.root / f"objects/{digest[:2]}" / digest[2:] / "x").mkdir(parents=True)
        (lab.root / f"objects/{digest[:2]}").chmod(0o2775)

    lab.mallory(act)

    def use():
        (lab.work / "c").write_bytes(content)
        lab.store.publish("files", "c", lab.work / "c")
        assert lab.store.find("files", "c")

    assert lab.alice(use) == 0


@pytest.mark.parametrize(
    "name", ["\x1b[2Jgone", "a\nseqstore://files/forged", "a\x9b31m", "\u2028x", "\udcff", "@"]
)
def test_planted_names_are_not_printed(lab, name):
    def act():
        folder = lab.root / "names/files" / os.fsdecode(os.fsencode(name)) / "@"
        folder.mkdir(parents=True)
        for stamp in lab.store.history("files", "a"):
            shutil.copy(stamp.path, folder)

    lab.mallory(act)
    lab.assert_unharmed()
    assert lab.said == {}  # it was in another process
    printed = CliRunner().invoke(cli.main, ["--root", str(lab.root), "ls"]).output
    assert printed.splitlines() == [
        "seqstore://files/a",
        "seqstore://files/b",
        "seqstore://files/planted",
    ]
    lab.assert_works()


def test_names_deeper_than_python_goes(lab):
    def act():
        here = os.open(lab.root / "names/files", os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            here, before = os.open("d", os.O_RDONLY, dir_fd=here), here
            os.close(before)

    try:
        lab.mallory(act)
        lab.assert_unharmed()
        lab.assert_works()
    finally:  # else pytest fails when it clears its directory
        subprocess.run(["rm", "-rf", lab.root], check=True)


def test_times_that_no_clock_gives(lab):
    def act():
        digest = digest_of(lab)
        for time in (2**61, 2**62 - 1, 2**63, 10**20 - 1):
            name = f"{time:020d}-{digest}.json"
            shutil.copy(
                lab.store.history("files", "a")[0].path, lab.root / "names/files/a/@" / name
            )

    lab.mallory(act)
    lab.assert_unharmed()

    def use():
        (lab.work / "c").write_text("c")
        with pytest.raises(SeqstoreError, match=r"too far ahead: remove it.*names/files/a"):
            lab.store.publish("files", "a", lab.work / "c")

    assert lab.alice(use) == 0


def test_everybody_sees_who_published(lab):
    lab.plant(b"wrong", "file")
    version = lab.store.history("files", "planted")[0]
    assert version.path.stat().st_uid == MALLORY
    assert lab.store.objects.path(version.digest).stat().st_uid == MALLORY
    # What Alice published, Mallory can only replace by files that are visibly not hers.
    path = lab.store.objects.path(digest_of(lab))

    def act():
        for try_ in (lambda: path.chmod(0o666), lambda: path.open("r+b"), lambda: os.utime(path)):
            with pytest.raises(PermissionError):
                try_()

    lab.mallory(act)
