"""Tests as several users: root can become each of them."""

import os
import signal
import traceback
from pathlib import Path

import pytest

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
NOBODY = 65534
LAB, ALICE, MALLORY = 52000, 52001, 52002  # a group and two of its members
_PATIENCE = 30  # s; whoever waits for longer waits for ever


def as_user(function, uid=NOBODY, gid=NOBODY):
    """Run in a process of another user; return its exit code, 99 if it raised something."""
    child = os.fork()
    if child == 0:
        signal.alarm(_PATIENCE)
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            os.umask(0o002)
            os._exit(function() or 0)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def open_way_to(path):
    """Let everybody reach a directory."""
    for directory in (path, *path.parents):
        if directory != Path("/") and directory.stat().st_uid == os.geteuid():
            directory.chmod(directory.stat().st_mode | 0o055)
