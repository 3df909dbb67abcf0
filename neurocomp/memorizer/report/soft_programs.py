"""Accuracies of soft programs: cells of the memorizer go in, means beside the published ones come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurocomp.memorizer.report.cells import MemorizerCell, machine_text
from neurocomp.memorizer.report.settings import defaults, departures, settings, told_apart, words
from neurocomp.report.cells import or_dash
from neurocomp.report.grid import Entry, Grid, Table
from neurocomp.report.means import Sample, compared, interval_text, mean_text, t_interval
from neurocomp.report.published import memorizer_lines
from neurocomp.results.columns import SOFT_PROGRAMS

# What the paper calls a task's model.
MODELS = {
    "classify": "bert_sequence_classification",
    "soft_instruction": "synthesizer_soft_instruction",
    "soft_imperative": "synthesizer_soft_imperative",
}
MEASURES = {"classify": "accuracy", "soft_instruction": "accuracy_a", "soft_imperative": "accuracy"}

SST2 = "sst2"
NOTHING = Sample(None, None, 0)

RANDOM_PROGRAMS = ("programs", "length", "lines", "memory", "include", "registers")
# The paper's settings where they are not the memorizer's defaults, and what its public code does and it does not print.
PAPER = {"training.learning_rate": 1e-4, "training.warmup": 0, "training.batch": 32, "training.epochs": 2}
PUBLIC_CODE = {
    "soft.examples": "published", "soft.vocabulary_file": "sha256:07eced375cec144d", "training.schedule": "linear",
    "training.clip": 1.0, "training.weight_decay": 0.0, "training.check": 64,
}  # fmt: skip
PROGRAMS = {"programs": 10, "length": 10}
# What has no effect on a task, or is the same where the texts are.
ASIDE = ("soft.data", "soft.folder", "soft.sizes", "contents.", "task")
OPEN = (*PUBLIC_CODE, "training.label_smoothing", "soft.vocabulary", "soft.tokens", "lines", "memory")

COLUMNS = (
    *SOFT_PROGRAMS, "data", "settings", "measure", "n", "accuracy_mean", "accuracy_sd", "ci_low", "ci_high",
    "published_mean", "published_sd", "published_n", "difference", "p_value", "whole_mean", "whole_sd",
    "argument_a_mean", "argument_a_sd", "updates_mean", "updates_sd", "wall_s", "device", "threads",
)  # fmt: skip

CAPTION = (
    "soft_programs: best accuracy on validation texts, mean +- standard deviation (95% confidence interval of the "
    "mean) over n trainings, in percent."
)
NOTES = (
    "accuracy is of the class for classify, of the instruction's argument A for soft_instruction (as in the paper), of "
    "the whole instruction for soft_imperative; whole: of whole instructions; A: of their argument A, after the same "
    "updates.",
    "A task on sst2 alone has the settings of the paper and of its public code: its inputs, the word pieces of "
    "bert-base-uncased, a learning rate that falls linearly to 0 over 2 epochs, gradients clipped at norm 1, no weight "
    "decay, a look at the validation texts after every 64 updates. soft.examples=own has inputs of our own, and none "
    "of these.",
    "Only rows on sst2 with its published splits are compared with the paper's numbers, if they depart from its "
    "settings in nothing but what it does not print. Other texts are other problems.",
    "p: Welch's t-test of the two means; the published deviations are taken as those of samples, with n - 1 below.",
)


def published() -> dict[str, Sample]:
    """Accuracies by task, as fractions."""
    lines = {line["model"]: line for line in memorizer_lines("soft_programs")}
    return {
        task: Sample(
            float(lines[model]["accuracy_mean_percent"]) / 100,
            float(lines[model]["accuracy_sd_percent"]) / 100,
            int(lines[model]["repeats"]),
        )
        for task, model in MODELS.items()
    }


def soft_programs_table(cells: Sequence[MemorizerCell]) -> Table:
    """An entry for each published task on sst2, measured or not, then for every other data and setting measured."""
    entries = long_table(cells)
    texts = {(entry["row"], column): text for entry in entries for column, text in _texts(entry).items()}
    return Table("soft_programs", COLUMNS, entries, [Grid(CAPTION, texts, NOTES)])


def long_table(cells: Sequence[MemorizerCell]) -> list[Entry]:
    """The entries, those with the paper's data and settings first."""
    there = [cell for cell in cells if cell.n and cell.facts["task"] in MODELS]
    named = told_apart((_name(cell), cell) for cell in there)
    entries = [_entry(name, cell) for name, cell in named.items()]
    measured = {entry["task"] for entry in entries if entry["data"] == SST2 and not entry["settings"]}
    entries += [_missing(task) for task in MODELS if task not in measured]
    return sorted(entries, key=_order)


def _order(entry: Entry) -> tuple:
    """The compared entries first, then sst2, then other data; tasks in the order of the paper."""
    first = entry["published_mean"] is None, entry["data"] != SST2, entry["data"]
    return *first, list(MODELS).index(entry["task"]), entry["settings"], entry["row"]


def _departures(cell: MemorizerCell) -> dict[str, Any]:
    """The settings that are not the paper's; random programs are only for soft_imperative."""
    imperative, own = cell.facts["task"] == "soft_imperative", settings(cell)["soft.examples"] == "own"
    paper = defaults() | PAPER | ({} if own else PUBLIC_CODE) | (PROGRAMS if imperative else {})
    found = departures(cell, paper, (*ASIDE, *(() if imperative else RANDOM_PROGRAMS)))
    return {"soft.examples": "own", **found} if own else found


def _name(cell: MemorizerCell) -> str:
    return f"{_place(cell.facts['task'], cell.facts['data'])} {words(_departures(cell))}".strip()


def _place(task: str, data: str | None) -> str:
    return f"{task} on {data or 'unknown data'}"


def _missing(task: str) -> Entry:
    shared = {"row": _place(task, SST2), "task": task, "data": SST2, "settings": ""}
    return {**dict.fromkeys(COLUMNS), **shared, **_measured_as(task), **compared(None, published()[task])}


def _measured_as(task: str) -> Entry:
    return {"model": MODELS[task], "measure": MEASURES[task]}


def _entry(name: str, cell: MemorizerCell) -> Entry:
    """The entry of a cell."""
    task, different, updates = cell.facts["task"], _departures(cell), cell.updates
    accuracy = cell.sample(MEASURES[task])
    whole, argument = (cell.sample(name) if task != "classify" else NOTHING for name in ("accuracy", "accuracy_a"))
    comparable = cell.facts["data"] == SST2 and set(different) <= set(OPEN)
    low, high = t_interval(accuracy) or (None, None)
    return {
        **dict.fromkeys(COLUMNS),
        "row": name,
        "task": task,
        "data": cell.facts["data"] or "",
        "settings": words(different),
        **_measured_as(task),
        "n": accuracy.n,
        "accuracy_mean": accuracy.mean,
        "accuracy_sd": accuracy.sd,
        "ci_low": low,
        "ci_high": high,
        **(compared(accuracy, published()[task]) if comparable else {}),
        "whole_mean": whole.mean,
        "whole_sd": whole.sd,
        "argument_a_mean": argument.mean,
        "argument_a_sd": argument.sd,
        "updates_mean": updates.mean,
        "updates_sd": updates.sd,
        "wall_s": cell.sample("wall_s").mean,
        "device": cell.said("device"),
        "threads": cell.said("threads"),
    }


def _texts(entry: Entry) -> dict[str, str]:
    share = {key: None if entry[key] is None else 100 * entry[key] for key in SHARES}
    return {
        "n": or_dash(entry["n"]),
        "accuracy %": mean_text(share["accuracy_mean"], share["accuracy_sd"], ".1f")
        + interval_text(share["ci_low"], share["ci_high"], ".1f"),
        "published %": mean_text(share["published_mean"], share["published_sd"], ".1f"),
        "difference": or_dash(share["difference"], "+.1f"),
        "p": or_dash(entry["p_value"], ".2g"),
        "whole %": mean_text(share["whole_mean"], share["whole_sd"], ".1f"),
        "A %": mean_text(share["argument_a_mean"], share["argument_a_sd"], ".1f"),
        "best after updates": mean_text(entry["updates_mean"], entry["updates_sd"], ".0f"),
        "seconds": or_dash(entry["wall_s"], ",.0f"),
        "on": machine_text(entry["device"], entry["threads"]),
    }


SHARES = ("accuracy_mean", "accuracy_sd", "ci_low", "ci_high", "published_mean", "published_sd", "difference",
          "whole_mean", "whole_sd", "argument_a_mean", "argument_a_sd")  # fmt: skip
