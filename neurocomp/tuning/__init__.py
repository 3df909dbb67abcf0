"""Adam on the weights of many restarts at once, and the rules by which a restart counts as recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.tuning.lanes")
