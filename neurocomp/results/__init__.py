"""Rows on disk: their columns, how they are written and how they are read again, and the identity of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    __getattr__ = moved.names_of(
        __name__, "neurocomp.results.identity", "neurocomp.results.provenance", "neurocomp.results.writer"
    )
