"""Randomness is by name: every seed, restart and stream has draws of its own; whatever is drawn has a name."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from neurocomp.compilation.compiler import compile_program
from neurocomp.config import OptimizerConfig, RunConfig
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.memorizer.config import MemorizerConfig, TrainingConfig
from neurocomp.memorizer.dataset import programs
from neurocomp.memorizer.languages import Assembly, Subleq
from neurocomp.methods import near_misses as templates
from neurocomp.pipeline import METHODS
from neurocomp.plan import check_config, make_plan
from neurocomp.readings.proposals import propose
from neurocomp.readings.space import DEFAULTS, FIRST
from neurocomp.results.made import together
from neurocomp.seeding import SHARED, generator
from neurocomp.synthesis.synthesizer import synthesize
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Examples, load_task
from tests.test_tasks import plain, shipped

MAP_INC = load_task(shipped("map_inc"), MachineConfig())


def starts(examples: Examples) -> bytes:
    return np.concatenate([examples.memory, examples.registers], axis=1).tobytes()


def different(draws) -> bool:
    """Whether no two are the same."""
    draws = list(draws)
    return len(set(draws)) == len(draws)


def test_every_seed_restart_and_stream_has_numbers_of_its_own():
    names = itertools.product((0, 1, 2, 2**40), (SHARED, 0, 1, 17), ("train", "weights", "held_out", "general"))
    assert different(generator(*name).random(4).tobytes() for name in names)
    assert (generator(3, 2, "train").random(4) == generator(3, 2, "train").random(4)).all()


# --- examples


def test_another_seed_draws_other_validation_test_and_general_examples():
    unseen = [held_out(MAP_INC, seed) for seed in range(4)]
    for part in ("validation", "test", "general"):
        assert different(starts(getattr(one, part)) for one in unseen), part
    assert different(starts(part) for part in (unseen[0].validation, unseen[0].test))


def test_the_same_seed_draws_the_same():
    one, other = (held_out(MAP_INC, 3) for _ in range(2))
    for part in ("validation", "test", "general"):
        assert starts(getattr(one, part)) == starts(getattr(other, part))


def test_seed_restart_and_stream_draw_other_training_examples():
    unseen = held_out(MAP_INC, 0)
    names = itertools.product((0, 1), (0, 1, SHARED), ("train", "synthesis"))
    assert different(
        starts(training_examples(MAP_INC, unseen, seed, restart, 8, stream)) for seed, restart, stream in names
    )


def test_as_many_training_examples_are_drawn_as_were_asked_for():
    unseen = held_out(MAP_INC, 0)
    for count in (1, 3, 16, 50):
        assert len(training_examples(MAP_INC, unseen, 0, 0, count).memory) == count


def test_another_seed_splits_the_rows_of_a_file_otherwise(tmp_path):
    rows = [f"{one},{other},{(one + other) % 5}" for one in range(5) for other in range(5)]
    (tmp_path / "sums.csv").write_text("m0,m1,m0_final\n" + "\n".join(rows) + "\n")
    task = load_task(plain(program=None, examples=str(tmp_path / "sums.csv")), MachineConfig())

    def pairs(examples: Examples) -> frozenset:
        return frozenset(map(tuple, examples.memory[:, :2].tolist()))

    unseen = [held_out(task, seed) for seed in range(4)]
    assert different(pairs(one.test) for one in unseen) and different(pairs(one.validation) for one in unseen)
    for seed, one in enumerate(unseen):
        trained = pairs(training_examples(task, one, seed, 0, 60))
        assert not trained & (pairs(one.test) | pairs(one.validation)) and not pairs(one.test) & pairs(one.validation)
    drawn = [
        tuple(map(tuple, training_examples(task, unseen[0], 0, restart, 5).memory[:, :2].tolist()))
        for restart in range(4)
    ]
    assert different(drawn)


# --- weights and searches


def test_seed_and_restart_draw_other_noise():
    sizes, machine = Sizes(5, 4, 7), MachineConfig()
    weights = [
        compile_program(None, sizes, machine, gamma=1.0, epsilon=1e-6, seed=seed, restarts=[restart])
        for seed in (0, 1)
        for restart in (0, 1)
    ]
    assert different(one.numpy().tobytes() for one in weights)


@pytest.mark.parametrize("method", ["random_search", "enumerate", "local_search", "annealing"])
def test_seed_and_restart_search_other_programs(method):
    task = shipped("reduce")

    def found(seed: int) -> list[str]:
        given = RunConfig(task=task, method=method, restarts=3, seed=seed, optimizer=OptimizerConfig(updates=40))
        given.annealing.programs = None
        plan = make_plan(given)
        return [
            row["program"] for row in together(METHODS[method](plan, held_out(plan.task, 0), [range(3)], None)).rows
        ]

    assert found(0) == found(0) and different(found(0) + found(1))


def test_the_search_for_templates_has_the_seeds_examples(monkeypatch):
    asked = []

    def searching(task, examples, *rest, **more):
        asked.append(starts(examples))
        return synthesize(task, examples, *rest, **more)

    monkeypatch.setattr(templates, "synthesize", searching)
    for seed in (0, 1):
        plan = check_config(RunConfig(task=shipped("map_inc"), init="synth", seed=seed))
        unseen = held_out(plan.task, seed)
        templates.find(plan, unseen, shown=False)
        own = training_examples(plan.task, unseen, seed, SHARED, 16, stream="synthesis")
        assert asked[-1] == starts(own)
    assert different(asked)


def test_settings_of_readings_are_drawn_by_seed_and_number():
    given = [{"setting": number} | DEFAULTS | one for number, one in enumerate(FIRST)]
    drawn = [tuple(propose(number, given, seed).items()) for number in (20, 21) for seed in (0, 1)]
    assert different(drawn) and tuple(propose(20, given, 0).items()) == drawn[0]


# --- the memorizer


@pytest.mark.parametrize("spoken", [Subleq(7, 13), Assembly(Sizes(7, 3, 13))])
def test_seed_restart_and_number_draw_other_programs(spoken):
    config = MemorizerConfig(programs=3, length=9, lines=13, memory=7, registers=3)
    drawn = [one.table.tobytes() for seed in (0, 1) for restart in (0, 1)
             for one in programs(replace(config, seed=seed), spoken, restart)]  # fmt: skip
    assert len(drawn) == 12 and different(drawn)


def test_seed_restart_and_split_draw_other_soft_programs_and_combinations():
    from neurocomp.memorizer import soft_dataset

    config = MemorizerConfig(
        task="soft_imperative", programs=3, length=9, lines=13, memory=7, training=TrainingConfig(batch=4)
    )
    seeds = [replace(config, seed=seed) for seed in (0, 1)]
    pairs = itertools.product(seeds, (0, 1))
    assert different(np.stack(soft_dataset.draw_programs(*pair)).tobytes() for pair in pairs)
    names = itertools.product(seeds, (0, 1), ("train", "validation"))
    assert different(np.stack(soft_dataset.combine(*name, 50)).tobytes() for name in names)
