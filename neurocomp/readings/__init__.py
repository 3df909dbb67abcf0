"""A search over the open readings of the equations: which of them come near the published table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    __getattr__ = moved.names_of(
        __name__, "neurocomp.readings.settings_file", "neurocomp.readings.space", "neurocomp.readings.screening"
    )
