"""The columns of a memorizer's rows; nothing here imports torch."""

from __future__ import annotations

from neurocomp.results.columns import RowFormat

MEMORIZED = RowFormat(
    columns=(
        "task", "language", "network", "data", "programs", "included", "length", "restart", "seed", "status",
        "updates", "accuracy", "accuracy_a", "loss", "exact_rate", "exact_by_program", "outcomes", "batch_size",
        "label_smoothing", "check", "parameters", "updates_per_s", "wall_s", "device", "precision", "threads",
        "config_hash", "commit", "dirty", "torch", "transformers", "schema", "batch", "version", "date",
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
