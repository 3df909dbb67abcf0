"""Soft tasks: instructions that depend on what a text says (Theorem 2, Experiments 2 and 3), and the baseline.

    classify           text                                                       -> the class
    soft_instruction   1 Classify this input: text                                -> &(-class), &output, 0
    soft_imperative    C_t As long as the input text is positive run [program] [SEP] text
                                                -> the program's instruction C_t; 0, 0, 0 where the text is negative

`soft_dataset.FORMS` has the words: our own, with the instruction number C_t as the first token (in the baseline always
the same), and those of the paper's public code, with [CLS] before the number and [SEP] after the text. Logits come from
the first token. An input that is longer than `soft.tokens` loses the end of its text.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from neurocomp import moved
from neurocomp.errors import UserError
from neurocomp.memorizer import soft_dataset, texts
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.dataset import Examples
from neurocomp.memorizer.execution import Fetch, drive, outcomes_text
from neurocomp.memorizer.languages import Table
from neurocomp.memorizer.network import Bert, classify
from neurocomp.memorizer.plan import Plan, batch_size
from neurocomp.memorizer.progress import Progress
from neurocomp.memorizer.rows import common_columns
from neurocomp.memorizer.saving import Saving
from neurocomp.memorizer.soft_dataset import POSITIVE, Reader, combine, draw_programs, examples, tokenizer
from neurocomp.memorizer.subleq import HALT
from neurocomp.memorizer.texts import Split
from neurocomp.memorizer.training import Judge, Training, autocast
from neurocomp.seeding import generator


def soft_row(plan: Plan, restart: int, bar: Progress) -> dict:
    """Train for some epochs, or go on training; the row says how right the network was at its best on validation."""
    config = plan.config
    check_contents(plan)
    found = texts.load(config.soft)
    reader = Reader(config, tokenizer(found, config))
    tables = draw_programs(config, restart) if config.task == "soft_imperative" else []
    train, validation = (
        examples(reader, split, combine(config, restart, name, len(split)), tables).to(plan.device)
        for name, split in (("train", found.train), ("validation", found.validation))
    )
    sizes = (2,) if config.task == "classify" else plan.sizes
    parts, vocabulary, outputs = config.training.parts, reader.vocabulary, sum(sizes)
    network = Bert(config.network, vocabulary, config.soft.tokens, outputs, parts).to(plan.device)
    batch = batch_size(config, len(train.labels))
    training = Training(network, train, sizes, config.training, batch, config.precision, config.seed, restart)
    judge = Judge(validation, sizes, config.precision)
    limit = config.training.epochs * training.updates_an_epoch
    every = config.training.check or training.updates_an_epoch
    bar.line.total = limit
    saving = Saving(plan, restart, training, limit, functools.partial(are_notes, min(every, limit)))
    runs = functools.partial(exactness, plan, network, reader, found.validation, validation, tables, restart)
    measured = functools.partial(measure, judge, network, config.task)
    while training.updates < limit:
        report = training.advance()
        if training.updates % every == 0 or training.updates == limit:
            note_the_best(saving.notes, training.updates, measured, runs if tables else dict, saving.seconds)
        saving.after_update()
        bar.after_update(training.updates, report.accuracy)
    seconds = saving.seconds()
    return (
        common_columns(plan)
        | size_columns(config)
        | saving.notes["best"]
        | {
            "restart": restart,
            "status": "trained",
            "data": found.name,
            "batch_size": batch,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "updates_per_s": round(training.updates / (seconds - saving.notes["judged_s"]), 3),
            "wall_s": round(seconds, 3),
        }
    )


def check_contents(plan: Plan) -> None:
    """Raise UserError if the files say something else than when the cell was planned, perhaps on another machine."""
    now = soft_dataset.check(plan.config)
    changed = [key for key in now if now[key] != plan.contents[key]]
    if changed:
        key = changed[0]
        raise UserError(f"soft: {key} is {now[key]}, expected {plan.contents[key]} as when the cell began")


def note_the_best(
    notes: dict, updates: int, measured: Callable[[], dict], runs: Callable[[], dict], seconds: Callable[[], float]
) -> None:
    """Measure, and note the measurement and its runs if the accuracy is the best so far.

    `judged_s` sums the seconds of all measurements.
    """
    began = seconds()
    found = {"updates": updates} | measured()
    if found["accuracy"] > notes.get("best", {}).get("accuracy", -1):
        notes["best"] = found | runs()
    notes["judged_s"] = notes.get("judged_s", 0) + seconds() - began


def are_notes(first_look: int, notes: dict, updates: int) -> bool:
    """Whether these are notes after so many updates, the first look at validation being after `first_look` of them."""
    best = notes.get("best")
    if best is None or updates < first_look:
        return updates < first_look and not notes
    if not isinstance(best, dict) or notes.keys() != {"best", "judged_s"} or not best.keys() <= NOTED:
        return False
    numbers = [notes["judged_s"], *(best.get(key) for key in ("updates", "loss", "accuracy"))]
    finite = all(type(number) in (int, float) and 0 <= number < math.inf for number in numbers)
    return finite and first_look <= best["updates"] <= updates and best["accuracy"] <= 1


NOTED = {"updates", "loss", "accuracy", "accuracy_a", "exact_rate", "outcomes"}


def size_columns(config: MemorizerConfig) -> dict:
    """How many programs of which length a task has: none, one instruction that never changes its number, or more."""
    if config.task == "soft_imperative":
        return {"programs": config.programs, "length": config.length}
    return dict.fromkeys(("programs", "length"), 1 if config.task == "soft_instruction" else None)


def measure(judge: Judge, network: nn.Module, task: str) -> dict:
    """Loss and accuracy on the validation texts; for instructions also the accuracy of operand A."""
    loss, accuracy, by_field = judge.measure_fields(network)
    return {"loss": loss, "accuracy": accuracy, "accuracy_a": None if task == "classify" else by_field[0]}


def exactness(
    plan: Plan,
    network: nn.Module,
    reader: Reader,
    split: Split,
    data: Examples,
    tables: Sequence[Table],
    restart: int,
) -> dict:
    """How many runs that the network drives are what the interpreter does: that of the program, or HALT at once.

    There are `execution.runs` for each program: the first validation texts, each with the program that it is
    combined with, and random start memories.
    """
    config, steps = plan.config, plan.config.execution.steps
    n = min(config.execution.runs * config.programs, len(split))
    if not n:
        return {}
    owners = combine(config, restart, "validation", len(split)).programs
    wanted = [
        tables[owner] if label == POSITIVE else np.array([HALT, HALT])
        for owner, label in zip(owners, split.labels, strict=True)
    ]
    began = [plan.language.start(generator(config.seed, restart, f"run {number}"), None) for number in range(n)]
    exact = [plan.language.run(table, words, steps) for table, words in zip(wanted, began, strict=False)]
    driven = drive(fetcher(plan, network, reader, data), np.arange(n), np.full(n, config.length + 1), began, steps)
    return {
        "exact_rate": np.mean([one == other for one, other in zip(exact, driven, strict=True)]).item(),
        "outcomes": outcomes_text(driven),
    }


def fetcher(plan: Plan, network: nn.Module, reader: Reader, data: Examples) -> Fetch:
    """Instructions from the network. Descriptions are places among these inputs, which get new instruction numbers."""
    network.eval()
    numbers = torch.from_numpy(reader.numbers()).to(plan.device)

    def fetch(lines: np.ndarray, places: np.ndarray) -> Table:
        rows = torch.from_numpy(places).to(plan.device)
        tokens = data.tokens[rows]
        tokens[:, reader.form.place] = numbers[torch.from_numpy(lines).to(plan.device)]
        mask = data.mask[rows] if data.mask is not None else None
        with torch.inference_mode(), autocast(plan.device, plan.config.precision):
            return classify(network(tokens, mask), plan.sizes).cpu().numpy()

    return fetch


if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.memorizer.soft_dataset")
