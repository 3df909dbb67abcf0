"""Tasks, their examples, the programs that restarts begin with, and whether a program is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocomp import moved

if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.tasks.examples", "neurocomp.tasks.task")
