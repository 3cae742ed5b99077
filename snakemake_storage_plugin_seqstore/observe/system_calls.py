"""The system calls that are observed, and what each does with the paths that it is given."""

from __future__ import annotations

from enum import Enum, auto


class Does(Enum):
    """What a system call does."""

    OPEN = auto()  # reads or writes: its flags say which
    CREATE = auto()  # empties or makes, and writes
    ASK = auto()  # asks for the status, links are followed
    ASK_LINK = auto()  # asks for the status of a link itself, or for where it leads
    EXECUTE = auto()
    RENAME = auto()
    REMOVE = auto()
    MAKE = auto()  # makes something that is not a directory
    MAKE_DIRECTORY = auto()
    LINK = auto()
    LINK_BY_NAME = auto()
    CHANGE = auto()  # changes content in place
    ENTER = auto()  # changes the working directory
    LIST = auto()
    START = auto()  # starts a process or thread
    CONNECT = auto()
    RING = auto()  # io_uring: what is done through it is not seen
    VIEW = auto()  # changes what paths mean


TRACED: dict[str, Does] = {
    name: does
    for does, names in {
        Does.OPEN: "open openat openat2",
        Does.CREATE: "creat",
        Does.ASK: "stat stat64 newfstatat fstatat64 statx access faccessat faccessat2",
        Does.ASK_LINK: "lstat lstat64 readlink readlinkat",
        Does.EXECUTE: "execve execveat",
        Does.RENAME: "rename renameat renameat2",
        Does.REMOVE: "unlink unlinkat rmdir",
        Does.MAKE: "mknod mknodat",
        Does.MAKE_DIRECTORY: "mkdir mkdirat",
        Does.LINK: "link linkat",
        Does.LINK_BY_NAME: "symlink symlinkat",
        Does.CHANGE: "truncate truncate64",
        Does.ENTER: "chdir fchdir",
        Does.LIST: "getdents getdents64",
        Does.START: "clone clone3 fork vfork",
        Does.CONNECT: "connect",
        Does.RING: "io_uring_setup",
        Does.VIEW: "chroot pivot_root setns unshare mount",
    }.items()
    for name in names.split()
}
