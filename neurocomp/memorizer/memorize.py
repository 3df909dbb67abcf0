"""task=memorize: all instructions of all programs until every one is right, then the programs are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from neurocomp.memorizer.dataset import Named, examples, labels_of, programs
from neurocomp.memorizer.execution import drive, fetcher, outcomes_text, recalled
from neurocomp.memorizer.languages import Run, Subleq
from neurocomp.memorizer.network import Bert
from neurocomp.memorizer.plan import Plan, batch_size
from neurocomp.memorizer.progress import Progress
from neurocomp.memorizer.rows import common_columns
from neurocomp.memorizer.saving import Saving, network_bytes
from neurocomp.memorizer.training import Judge, Training
from neurocomp.results.made import Made
from neurocomp.seeding import generator


def memorized(plan: Plan, restart: int, bar: Progress) -> Made:
    """Train, or go on training, until all is memorized; then run what was memorized."""
    config = plan.config
    known = programs(config, plan.language, restart)
    data = examples(known, config.lines).to(plan.device)
    network = build(plan, known).to(plan.device)
    batch = batch_size(config, len(data.labels))
    training = Training(network, data, plan.sizes, config.training, batch, config.precision, config.seed, restart)
    judge = Judge(data, plan.sizes, config.precision)
    limit = 0 if config.network.name == "theorem1" else training.limit
    saving = Saving(plan, restart, training, limit)
    every = config.training.check or training.updates_an_epoch
    memorized_all = train(training, lambda: judge.all_right(network), every, limit, saving, bar)
    seconds = saving.seconds()
    loss, accuracy = judge.measure(network)
    files = {}
    if config.save_weights and isinstance(network, Bert):
        files[f".weights/{restart}.safetensors"] = network_bytes(plan, network, known)
    row = (
        common_columns(plan)
        | exactness(plan, network, known, restart)
        | {
            "restart": restart,
            "status": "memorized" if memorized_all else "exhausted",
            "updates": training.updates,
            "accuracy": accuracy,
            "loss": loss,
            "batch_size": batch,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "updates_per_s": round(training.updates / seconds, 3) if training.updates else None,
            "wall_s": round(seconds, 3),
        }
    )
    return Made([row], files)


def train(
    training: Training, all_right: Callable[[], bool], every: int, limit: int, saving: Saving, bar: Progress
) -> bool:
    """Update until all is right, which is looked at every `every` updates, or until `limit`. Returns whether all is."""
    while True:
        if training.updates % every == 0 or training.updates == limit:
            if all_right():
                return True
        if training.updates >= limit:
            return False
        report = training.advance()
        saving.after_update()
        bar.after_update(training.updates, report.accuracy)


def build(plan: Plan, memorized: Sequence[Named]) -> nn.Module:
    """The network, with first weights from PyTorch's generator; theorem1 has weights that know the programs."""
    if plan.config.network.name == "theorem1":
        from neurocomp.memorizer import theorem1

        return theorem1.construct([one.table for one in memorized], plan.sizes, plan.config.lines)
    vocabulary = plan.config.lines + len(memorized)
    return Bert(plan.config.network, vocabulary, length=2, outputs=sum(plan.sizes))


def exactness(plan: Plan, network: nn.Module, memorized: Sequence[Named], restart: int) -> dict:
    """How many runs of what was memorized equal the interpreter's, step for step, over programs and start words."""
    runs, steps = plan.config.execution.runs, plan.config.execution.steps
    if not runs:
        return {}
    began = [
        plan.language.start(generator(plan.config.seed, restart, f"run {number} {turn}"), one.name)
        for number, one in enumerate(memorized)
        for turn in range(runs)
    ]
    owners = [number for number in range(len(memorized)) for _ in range(runs)]
    exact = [
        plan.language.run(memorized[owner].table, words, steps) for owner, words in zip(owners, began, strict=True)
    ]
    driven = network_runs(plan, network, [len(one.table) for one in memorized], owners, began)
    equal = np.array([one == other for one, other in zip(exact, driven, strict=True)])
    return {
        "exact_rate": equal.mean().item(),
        "exact_by_program": " ".join(
            f"{label}={rate:g}"
            for label, rate in zip(labels_of(list(memorized)), equal.reshape(-1, runs).mean(1), strict=True)
        ),
        "outcomes": outcomes_text(driven),
    }


def network_runs(
    plan: Plan, network: nn.Module, lengths: Sequence[int], owners: Sequence[int], began: Sequence[Sequence[int]]
) -> list[Run]:
    """The runs that the network drives; the assembly that it recalls runs in the first machine's interpreter."""
    fetch = fetcher(network, plan.sizes, plan.config.lines, plan.device, plan.config.precision)
    steps = plan.config.execution.steps
    if isinstance(plan.language, Subleq):
        return drive(fetch, np.array(owners), np.array(lengths)[owners], began, steps)
    known = [recalled(fetch, number, length) for number, length in enumerate(lengths)]
    return [plan.language.run(known[owner], words, steps) for owner, words in zip(owners, began, strict=True)]
