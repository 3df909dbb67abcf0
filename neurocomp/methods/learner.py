"""method=learner: networks that map start words to checked words, end to end; one row a restart, and no program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby

import torch

from neurocomp.learners.networks import build
from neurocomp.learners.training import Learned, Report, Stack, examples_right, shares, together, train
from neurocomp.learners.words import Alphabet, Questions, alphabet_of, questions
from neurocomp.limits.estimates import LEARNERS_AT_ONCE
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns, rounded
from neurocomp.plan import Plan
from neurocomp.results.made import Made
from neurocomp.seeding import generator
from neurocomp.tasks.examples import FRESH_BLOCK, HeldOut, count_trained_tests, fresh_examples, training_examples
from neurocomp.tasks.task import Examples


def learned_rows(plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None) -> Iterator[Made]:
    """The rows of these restarts, group by group.

    PyTorch's last bits may depend on how many networks there are side by side. So a group of restarts is always trained
    whole, whichever of them are missing, and a row depends on its seed and restart alone.
    """
    for group, wanted in groupby(chain(*batches), key=lambda restart: restart // LEARNERS_AT_ONCE):
        missing = list(wanted)
        made = _group(plan, unseen, range(group * LEARNERS_AT_ONCE, (group + 1) * LEARNERS_AT_ONCE), bar, missing)
        yield Made([row for row in made if row["restart"] in missing])


class Examined:
    """The training examples of each restart, as questions: its own, or fresh ones for each update."""

    def __init__(self, plan: Plan, unseen: HeldOut, alphabet: Alphabet):
        self.plan, self.unseen, self.alphabet = plan, unseen, alphabet
        self.blocks: dict[int, list[Examples]] = {}  # of each restart, all that it has had
        self.asked: dict[int, Questions] = {}  # of each restart, those of the last block

    def __call__(self, restart: int, update: int) -> Questions:
        config, fresh = self.plan.config, self.plan.config.learner.fresh
        block, place = divmod(update, FRESH_BLOCK) if fresh else (0, 0)
        if block == len(self.blocks.setdefault(restart, [])):
            given = self.plan.task, self.unseen, config.seed, restart, config.examples
            drawn = fresh_examples(*given, "learner", block) if fresh else training_examples(*given)
            self.blocks[restart].append(drawn)
            self.asked[restart] = questions(self.plan.task, drawn, self.alphabet)
        part = slice(place * config.examples, (place + 1) * config.examples)
        return Questions(*(each[part] for each in self.asked[restart]))


def _group(plan: Plan, unseen: HeldOut, restarts: range, bar: Progress | None, shown: Sequence[int]) -> list[dict]:
    """The rows of a group, trained side by side; the bar counts the restarts that are `shown`."""
    config = plan.config
    alphabet = alphabet_of(plan.task)
    stack = Stack(lambda: build(alphabet, config.learner))
    seeds = [int(generator(config.seed, restart, "learner").integers(2**62)) for restart in restarts]
    supply = Examined(plan, unseen, alphabet)
    validation = _on_device(questions(plan.task, unseen.validation, alphabet), plan)
    ended: list[Learned] = []
    waiting = set(shown)
    for report in train(stack, restarts, seeds, supply, validation, config.learner, config.limit):
        ended += report.finished
        if bar and waiting:
            finished = [one for one in report.finished if one.restart in waiting]
            bar.after_update(Report(len(waiting), finished))
            waiting -= {one.restart for one in finished}
    ended.sort(key=lambda one: one.restart)
    judged = zip(ended, *_measured(plan, unseen, stack, ended, supply), strict=True)
    return [_row(plan, unseen, supply, *one) for one in judged]


def _on_device(asked: Questions, plan: Plan) -> Questions:
    return Questions(*(part.to(plan.device) for part in asked))


def _measured(
    plan: Plan, unseen: HeldOut, stack: Stack, ended: Sequence[Learned], supply: Examined
) -> tuple[list[float], Sequence[float | None], Sequence[bool | None]]:
    """The shares of test examples and of larger ones, and whether each network fits its own; None where there are none.

    The first two are of the weights that were best on validation examples, the last of those after the last update.
    """
    task, alphabet = plan.task, supply.alphabet
    best = torch.stack([one.best for one in ended]).to(plan.device)
    on_test = shares(stack, best, _on_device(questions(task, unseen.test, alphabet), plan)).tolist()
    larger: Sequence[float | None] = [None] * len(ended)
    if task.general and unseen.general:
        larger = shares(stack, best, _on_device(questions(task.general, unseen.general, alphabet), plan)).tolist()
    fits: Sequence[bool | None] = [None] * len(ended)
    if not plan.config.learner.fresh:
        own = together([supply(one.restart, 0) for one in ended], plan.device)
        last = torch.stack([one.last for one in ended if one.last is not None])
        fits = examples_right(stack, last, own).all(1).tolist()
    return on_test, larger, fits


def _row(
    plan: Plan, unseen: HeldOut, supply: Examined, one: Learned, test: float, larger: float | None, fit: bool | None
) -> dict:
    """The row of a restart. One that its limit or a number that is not finite ended has recovered nothing."""
    judged = one.status in ("recovered", "exhausted")
    found = judged and test == 1
    return common_columns(plan) | {
        "restart": one.restart,
        "status": "recovered" if found else "exhausted" if judged else one.status,
        "recovered_fit": fit,
        "recovered_soft": found,
        "coverage": unseen.coverage,
        "loss": rounded(one.loss),
        "updates": one.updates,
        "recovered_at": one.validated if found else None,
        "program": "",
        "wall_s": round(one.seconds, 4),
        "cpu_s": None if plan.config.limit is None else round(one.core_seconds, 4),
        "executions": one.updates * plan.config.examples,
        "backward_executions": one.updates * plan.config.examples,
        "tests_trained": count_trained_tests(unseen, supply.blocks[one.restart]),
        "test_share": test,
        "larger_share": larger,
    }
