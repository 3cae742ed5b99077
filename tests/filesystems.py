"""Real filesystems in images, where root may mount them."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

CLONING = ("btrfs", "xfs")  # those whose files can be cloned
_SIZE = 400 << 20  # bytes; the image is sparse, and XFS takes no less than 300 MiB


@contextmanager
def mounted(kind, place):
    """Mount a new filesystem at a place, for everybody to write to."""
    make = shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if os.geteuid() or not make:
        pytest.skip(f"needs root and mkfs.{kind}")
    place.mkdir(parents=True)
    image = place.parent / f"{place.name}.img"
    with image.open("wb") as file:
        file.truncate(_SIZE)
    subprocess.run([make, "-q", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, place], capture_output=True).returncode:
        pytest.skip(f"{kind} cannot be mounted here")
    try:
        place.chmod(0o777)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
