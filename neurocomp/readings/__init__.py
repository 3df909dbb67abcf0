"""A search over the open readings of the equations: which of them come near the published table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    parts = ("settings_file", "space", "cells", "scores", "proposals", "measuring", "screening")
    __getattr__ = moved.names_of(__name__, *(f"{__name__}.{part}" for part in parts))
