"""The cost of an update of the memorizer, beside a plain loop over the same encoder and data, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from neurocomp.bench.measure import Spread, alternate
from neurocomp.devices import thread_count, torch_threads
from neurocomp.errors import UserError
from neurocomp.memorizer.config import SOFT_TASKS, MemorizerConfig
from neurocomp.memorizer.dataset import Examples, examples, programs
from neurocomp.memorizer.memorize import build
from neurocomp.memorizer.plan import Plan, batch_size, make_plan
from neurocomp.memorizer.training import Training, autocast
from neurocomp.seeding import generator


@dataclass(frozen=True)
class Figures:
    """One engine's line; an update is forward, loss, backward and AdamW on `batch` examples."""

    engine: str
    ms_per_update: float
    ms_low: float
    ms_high: float
    updates_per_s: float
    examples_per_s: float
    threads: int
    device: str
    precision: str
    network: str
    programs: int
    batch: int
    parameters: int


def measure(config: MemorizerConfig, engines: list[str], rounds: int) -> list[Figures]:
    """The engines on the same task, taking turns. Raises UserError where there is nothing to compare."""
    if config.task in SOFT_TASKS or config.network.name != "bert":
        raise UserError(f"task={config.task} network.name={config.network.name}: bench times task=memorize with bert")
    plan = make_plan(config)
    memorized = programs(config, plan.language, restart=0)
    data = examples(memorized, config.lines).to(plan.device)
    batch = batch_size(config, len(data.labels))
    calls, sizes = {}, {}
    with torch_threads(thread_count(config.threads)):
        for engine in engines:
            torch.manual_seed(int(generator(config.seed, 0, "network").integers(2**63)))
            network = build(plan, memorized).to(plan.device)
            calls[engine] = synchronized(plan, UPDATES[engine](plan, network, data, batch))
            sizes[engine] = sum(parameter.numel() for parameter in network.parameters())
        times = alternate(calls, rounds)
        return [figures(plan, engine, times[engine], len(memorized), batch, sizes[engine]) for engine in engines]


def own_updates(plan: Plan, network: nn.Module, data: Examples, batch: int) -> Callable[[], object]:
    """As `neurocomp run` makes them."""
    config = plan.config
    return Training(network, data, plan.sizes, config.training, batch, config.precision, config.seed, 0).advance


def plain_updates(plan: Plan, network: nn.Module, data: Examples, batch: int) -> Callable[[], object]:
    """A loop as one would write it: DataLoader, AdamW as it comes, three cross-entropies, the loss as a number."""
    config = plan.config.training
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    loader = DataLoader(TensorDataset(data.tokens, data.labels), batch_size=batch, shuffle=True)
    criterion = nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=config.label_smoothing)
    clip = float("inf") if config.clip is None else config.clip

    def batches() -> Iterator[list[torch.Tensor]]:
        while True:
            yield from loader

    following = batches()

    def update() -> None:
        network.train()
        tokens, labels = next(following)
        optimizer.zero_grad()
        with autocast(plan.device, plan.config.precision):
            fields = network(tokens).split(list(plan.sizes), dim=-1)
            loss = sum(criterion(field, label) for field, label in zip(fields, labels.unbind(-1), strict=True))
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        loss.item()

    return update


UPDATES = {"neurocomp": own_updates, "plain": plain_updates}
ENGINES = tuple(UPDATES)


def synchronized(plan: Plan, update: Callable[[], object]) -> Callable[[], None]:
    """An update that ends when the device has finished its work."""

    def call() -> None:
        update()
        if plan.device.type == "cuda":
            torch.cuda.synchronize(plan.device)

    return call


def figures(plan: Plan, engine: str, times: Spread, programs: int, batch: int, parameters: int) -> Figures:
    """The line of an engine, from its times."""
    return Figures(
        engine=engine,
        ms_per_update=round(1e3 * times.median, 3),
        ms_low=round(1e3 * times.low, 3),
        ms_high=round(1e3 * times.high, 3),
        updates_per_s=round(1 / times.median, 2),
        examples_per_s=round(batch / times.median, 1),
        threads=torch.get_num_threads(),
        device=plan.device.type,
        precision=plan.config.precision,
        network=plan.config.network.name,
        programs=programs,
        batch=batch,
        parameters=parameters,
    )
