"""The one table of programs that run a script or another program that they are given."""

from __future__ import annotations
