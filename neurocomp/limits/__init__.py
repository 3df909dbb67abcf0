"""The memory and work that a run would take, estimated before anything is allocated, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.limits.checking")
