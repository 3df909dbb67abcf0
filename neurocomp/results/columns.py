"""The columns of results files: their names, their kinds, and the version of the format."""

from __future__ import annotations

from typing import NamedTuple

# The version of the row format: a reader refuses rows with a higher one, and gets columns it misses as empty.
SCHEMA = 1


class RowFormat(NamedTuple):
    """The columns of a file, those it cannot be without, those that are not text, and those that no count needs.

    A new column goes to the end of `columns`. Files that were begun without it stay readable: their rows have it empty.
    """

    columns: tuple[str, ...]
    required: tuple[str, ...]
    integers: tuple[str, ...]
    floats: tuple[str, ...]
    booleans: tuple[str, ...]
    details: tuple[str, ...] = ()  # they take most of the time to read: reports leave them out

    def kind(self, column: str) -> str:
        """`integer`, `float`, `boolean`, `batch` or `text`."""
        kinds = {"integer": self.integers, "float": self.floats, "boolean": self.booleans, "batch": ("batch",)}
        return next((kind for kind, columns in kinds.items() if column in columns), "text")


RESTARTS = RowFormat(
    columns=(
        "task", "init", "method", "template", "gamma", "restart", "seed", "status", "synthesized",
        "recovered_fit", "recovered_soft", "recovered_hard", "recovered_general", "coverage", "loss", "updates",
        "recovered_at", "lines_changed", "margin", "program", "wall_s", "engine", "device", "threads",
        "config_hash", "commit", "dirty", "torch", "schema", "batch", "executions", "backward_executions",
        "version", "date", "tests_trained", "host", "cpu_s", "proved", "fields_changed", "test_share",
        "larger_share",
    ),
    required=("task", "init", "method", "gamma", "restart", "seed", "status", "config_hash", "schema"),
    integers=("restart", "seed", "updates", "recovered_at", "lines_changed", "threads", "schema", "executions",
              "backward_executions", "tests_trained", "fields_changed", "shortest_lines", "edits_from_start",
              "edits_from_reference"),
    floats=("gamma", "coverage", "loss", "margin", "wall_s", "cpu_s", "test_share", "larger_share", "decision_entropy",
            "active_lines", "agreement"),
    booleans=("synthesized", "recovered_fit", "recovered_soft", "recovered_hard", "recovered_general", "dirty"),
    details=("loss", "margin", "program"),
)  # fmt: skip
"""One row is one restart of a program that is tuned, synthesized or searched for. `version` is neurocomp's, `date`
when the row was made (UTC), `host` where."""

COMPLEXITY = ("decision_entropy", "active_lines", "agreement", "shortest_lines", "edits_from_start",
              "edits_from_reference")  # fmt: skip
"""What rows also say with complexity=true, and only then: how distributed and how simple the restart is."""

WITH_COMPLEXITY = RESTARTS._replace(columns=(*RESTARTS.columns, *COMPLEXITY))

MEMORIZED = RowFormat(
    columns=(
        "task", "language", "network", "data", "programs", "included", "length", "restart", "seed", "status",
        "updates", "accuracy", "accuracy_a", "loss", "exact_rate", "exact_by_program", "outcomes", "batch_size",
        "label_smoothing", "check", "parameters", "updates_per_s", "wall_s", "device", "precision", "threads",
        "config_hash", "commit", "dirty", "torch", "transformers", "schema", "batch", "version", "date", "host",
    ),
    required=("task", "language", "network", "restart", "seed", "status", "config_hash", "schema"),
    integers=("programs", "length", "restart", "seed", "updates", "batch_size", "check", "parameters", "threads",
              "schema"),
    floats=("accuracy", "accuracy_a", "loss", "exact_rate", "label_smoothing", "updates_per_s", "wall_s"),
    booleans=("dirty",),
)  # fmt: skip
"""One row is one training. `updates` are optimizer updates (the paper's steps) until all that was to be memorized is
right; of soft tasks, those after which the accuracy on validation texts was best. `accuracy` is of whole instructions
(classify: of classes), `accuracy_a` of their first operand. `exact_rate` is the share of runs that equal the
interpreter's step for step, `exact_by_program` the same for each program, `outcomes` how many runs ended how.
`check` is empty for once an epoch."""

# The other CSV files of neurocomp, which may lie among the cells, by their first columns.
PUBLISHED = ("row", "task", "n")
TRANSFER = ("template", "task", "n")
GAMMA = ("task", "init", "gamma", "n")
RANKING = ("file", "metric")
SETTINGS = ("setting", "row")
BENCHMARK = ("date",)
MEMORIZATION = ("row", "programs")
SOFT_PROGRAMS = ("row", "task", "model")
ARENA = ("task", "start", "method", "limit")
PROGRAMS = ("task", "start", "restarts", "n")
OTHER_FILES = (PUBLISHED, TRANSFER, GAMMA, RANKING, SETTINGS, BENCHMARK, MEMORIZATION, SOFT_PROGRAMS, ARENA, PROGRAMS)

# Columns that say how and when a row was made, not what came out of it: two rows of one restart may differ in them.
CIRCUMSTANCES = ("wall_s", "cpu_s", "updates_per_s", "engine", "device", "precision", "threads", "commit", "dirty",
                 "torch", "transformers", "schema", "batch", "version", "date", "host")  # fmt: skip
