"""Updates until programs are memorized: cells of the memorizer go in, means beside the published ones come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from neurocomp.memorizer.report.cells import MemorizerCell, machine_text
from neurocomp.memorizer.report.settings import defaults, departures, settings, told_apart, words
from neurocomp.report.cells import or_dash
from neurocomp.report.grid import Entry, Grid, Table
from neurocomp.report.means import Sample, compared, interval_text, mean_text, t_interval
from neurocomp.report.published import memorizer_lines
from neurocomp.results.columns import MEMORIZATION

TASK = "memorize"
# What the public code of the paper does, and the paper does not print.
PUBLIC_CODE = {
    "training.schedule": "linear", "training.schedule_epochs": 250, "training.warmup": 0, "training.clip": 1.0,
    "training.weight_decay": 0.0, "training.label_smoothing": 0.05,
}  # fmt: skip
OPEN = (*PUBLIC_CODE, "training.check")
ASIDE = ("programs", "soft.", "training.epochs")

COLUMNS = (
    *MEMORIZATION, "length", "settings", "batch_size", "n", "trainings", "updates_mean", "updates_sd", "ci_low",
    "ci_high", "published_mean", "published_sd", "published_n", "published_batch_size", "difference", "p_value",
    "exact_rate", "updates_per_s", "wall_s", "device", "threads",
)  # fmt: skip

CAPTION = (
    "memorization: optimizer updates until a network knows every instruction of N random programs, mean +- standard "
    "deviation (95% confidence interval of the mean) over the n trainings that reached 100%."
)
NOTES = (
    "programs=N alone has the settings of the paper and of its public code: subleq programs of 256 instructions, a "
    "learning rate that falls linearly to 0 over 250 epochs, gradients clipped at norm 1, label smoothing 0.05, no "
    "weight decay. training.schedule=constant has a rate that warms up over 50 updates and stays, and none of these. "
    "Rows that depart in what the paper does not print are compared with its numbers too (how often accuracy is looked "
    "at, training.check, is one of them). Other rows name what is different, and are not compared.",
    "p: Welch's t-test of the two means; the published deviations are taken as those of samples, with n - 1 below.",
    "exact %: runs of the memorized programs, driven by the network, that equal the interpreter's step for step, over "
    "all trainings. updates/s and seconds are means of a training, on the machine that it ran on.",
)


class Published(NamedTuple):
    """A line of the paper's Table 1."""

    updates: Sample
    batch_size: int


def published() -> dict[int, Published]:
    """By the number of programs."""
    lines = memorizer_lines("memorization")
    return {
        int(line["programs"]): Published(
            Sample(float(line["steps_mean"]), float(line["steps_sd"]), int(line["repeats"])), int(line["batch_size"])
        )
        for line in lines
    }


def memorization_table(cells: Sequence[MemorizerCell]) -> Table:
    """An entry for each published number of programs, measured or not, then for every other setting measured."""
    entries = long_table(cells)
    texts = {(entry["row"], column): text for entry in entries for column, text in _texts(entry).items()}
    return Table("memorization", COLUMNS, entries, [Grid(CAPTION, texts, [*NOTES, *_given_up(entries)])])


def long_table(cells: Sequence[MemorizerCell]) -> list[Entry]:
    """The entries, those with the paper's settings first."""
    there = [cell for cell in cells if cell.n and cell.facts["task"] == TASK]
    named = told_apart((_name(cell), cell) for cell in there)
    entries = [_entry(name, cell) for name, cell in named.items()]
    measured = {entry["programs"] for entry in entries if not entry["settings"]}
    entries += [_missing(programs) for programs in published() if programs not in measured]
    return sorted(entries, key=_order)


def _order(entry: Entry) -> tuple:
    """The paper's settings and sizes, then what is compared with it, then the rest by what is different."""
    return entry["published_mean"] is None, bool(entry["settings"]), entry["settings"], entry["programs"], entry["row"]


def _departures(cell: MemorizerCell) -> dict[str, Any]:
    """The settings that are not the paper's; the batch size that it prints for these programs is one of its own."""
    constant = settings(cell)["training.schedule"] == "constant"
    paper = defaults() | ({} if constant else PUBLIC_CODE)
    found, line = departures(cell, paper, ASIDE), published().get(_drawn(cell))
    if constant:
        found = {"training.schedule": "constant", **found}
    if line and found.get("training.batch") == line.batch_size:
        del found["training.batch"]
    return found


def _drawn(cell: MemorizerCell) -> int:
    """The random programs; where the configuration is lost, all of them."""
    return cell.config.get("programs", cell.facts["programs"])


def _name(cell: MemorizerCell) -> str:
    return words({"programs": _drawn(cell), **_departures(cell)})


def _missing(programs: int) -> Entry:
    length = defaults()["length"]
    shared = {"row": f"programs={programs}", "programs": programs, "length": length, "settings": ""}
    return {**dict.fromkeys(COLUMNS), **shared, **_compared(None, published()[programs])}


def _entry(name: str, cell: MemorizerCell) -> Entry:
    """The entry of a cell."""
    different, updates = _departures(cell), cell.updates
    line = published().get(_drawn(cell)) if set(different) <= set(OPEN) else None
    low, high = t_interval(updates) or (None, None)
    return {
        **dict.fromkeys(COLUMNS),
        "row": name,
        "programs": cell.facts["programs"],
        "length": cell.facts["length"],
        "settings": words(different),
        "batch_size": cell.said("batch_size"),
        "n": updates.n,
        "trainings": cell.n,
        "updates_mean": updates.mean,
        "updates_sd": updates.sd,
        "ci_low": low,
        "ci_high": high,
        **_compared(updates, line),
        "exact_rate": cell.sample("exact_rate").mean,
        "updates_per_s": cell.sample("updates_per_s").mean,
        "wall_s": cell.sample("wall_s").mean,
        "device": cell.said("device"),
        "threads": cell.said("threads"),
    }


def _compared(updates: Sample | None, line: Published | None) -> Entry:
    """The published line beside measured updates; nothing where there is no line."""
    return {} if line is None else compared(updates, line.updates) | {"published_batch_size": line.batch_size}


def _texts(entry: Entry) -> dict[str, str]:
    measured = mean_text(entry["updates_mean"], entry["updates_sd"], ".0f")
    return {
        "batch": or_dash(entry["batch_size"]),
        "n": "-" if entry["trainings"] is None else f"{entry['n']}/{entry['trainings']}",
        "updates": measured + interval_text(entry["ci_low"], entry["ci_high"], ".0f"),
        "published": mean_text(entry["published_mean"], entry["published_sd"], ".0f"),
        "difference": or_dash(entry["difference"], "+.0f"),
        "p": or_dash(entry["p_value"], ".2g"),
        "exact %": "-" if entry["exact_rate"] is None else f"{100 * entry['exact_rate']:.2f}",
        "updates/s": or_dash(entry["updates_per_s"], ".3g"),
        "seconds": or_dash(entry["wall_s"], ",.0f"),
        "on": machine_text(entry["device"], entry["threads"]),
    }


def _given_up(entries: Sequence[Entry]) -> list[str]:
    """How many trainings have no number of updates, if any."""
    left_out = {entry["row"]: entry["trainings"] - entry["n"] for entry in entries if entry["trainings"]}
    counts = ", ".join(f"{count} of {row}" for row, count in left_out.items() if count)
    return [f"Did not reach 100% within training.updates, and left out of the means: {counts}."] if counts else []
