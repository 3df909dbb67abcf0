"""complexity=true: how distributed and how simple restarts are, worked by hand, and as columns of rows."""

from __future__ import annotations

import csv
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.compilation.compiler import CERTAIN, exact_weights
from neurocomp.config import OptimizerConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import Program, fit, format_program, parse
from neurocomp.language.isa import INDEX
from neurocomp.machine_config import READINGS, MachineConfig, Sizes
from neurocomp.results.columns import COMPLEXITY, RESTARTS
from neurocomp.results.writer import read_rows
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import load_task
from neurocomp.tuning.spread import spread
from tests.jobs import replay
from tests.strategies import programs
from tests.test_pipeline import TIMES, config, facts, run
from tests.test_tasks import plain


def task_of(program: Program, steps: int, **changes):
    machine = changes.pop("machine", MachineConfig())
    return load_task(plain(program=format_program(program), steps=steps, **changes), machine)


def measured(task, logits: torch.Tensor, program: Program) -> list[float]:
    """Entropy of the decisions, active lines and agreement of one restart."""
    test = held_out(task, seed=0).test
    return [float(part) for part in spread(logits.unsqueeze(0), [fit(program, task.sizes)], test, task)]


def opened(task, program: Program, line: int, **shares: float) -> torch.Tensor:
    """Weights certain of the program, but for the opcode of a line, which is each of these with its share."""
    return opened_again(exact_weights(fit(program, task.sizes), task.sizes, task.machine), line, **shares)


def opened_again(logits: torch.Tensor, line: int, **shares: float) -> torch.Tensor:
    logits = logits.clone()
    logits[line, : len(INDEX)] = -CERTAIN
    for opcode, share in shares.items():
        logits[line, INDEX[opcode]] = math.log(share)
    return logits


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.integers(1, 9),
    st.sampled_from(READINGS["jump_target"]),
    st.sampled_from(READINGS["halting"]),
    st.sampled_from(READINGS["controller"]),
)
def test_a_program_without_noise_is_in_one_place_and_decided(data, steps, jump_target, halting, controller):
    machine = MachineConfig(jump_target=jump_target, halting=halting, controller=controller)
    sizes = {"line": Sizes(5, 4, 3), "operand": Sizes(5, 3, 3), "value": Sizes(3, 4, 3)}[jump_target]
    program = data.draw(programs(**sizes._asdict(), jump_target=jump_target))
    # The reference only says which words are right, and its jumps have labels in every reading.
    task = task_of(parse("noop; noop"), steps, machine=machine, base=sizes.base, registers=sizes.registers)
    assert measured(task, exact_weights(program, sizes, machine), program) == [0, 1, 1]


def test_entropy_is_the_mean_over_decisions_that_are_used():
    """inc 0 0 and write 1 0 decide three times each, noop once; 3/4 to 1/4 are 0.811 bits."""
    program = parse("inc 0 0; write 1 0; noop")
    task = task_of(program, steps=3)
    logits = opened(task, program, 0, inc=0.75, dec=0.25)
    assert measured(task, logits, program) == [pytest.approx(0.8112781 / 7), 1, 1]


def test_lines_that_the_program_does_not_come_to_are_not_counted():
    """Two steps do not reach the third line, whose opcode is open."""
    program = parse("inc 0 0; write 1 0; noop")
    task = task_of(program, steps=2)
    assert measured(task, opened(task, program, 2, noop=0.6, halt=0.4), program)[0] == 0


def test_the_label_of_a_jump_stands_where_jump_target_says():
    """With R = L = 3 the label is the second operand: it is open, and jump decides three times."""
    program, machine = parse("on: noop; noop; jump 0 on"), MachineConfig(jump_target="operand")
    task = task_of(parse("noop; noop"), 3, registers=3, machine=machine)
    logits = exact_weights(program, task.sizes, machine)
    second = len(INDEX) + task.sizes.registers
    logits[2, second : second + 3] = torch.tensor([0.0, 0.0, -CERTAIN])
    assert measured(task, logits, program)[0] == pytest.approx(1 / 5)


def test_active_lines_are_those_that_the_counter_is_spread_over():
    """Half a jump from line 0 to line 2: the counter is at 1 line, then at 1 and 2, then at 2 and 0, half each."""
    program = parse("jump 0 on; noop; on: noop")
    task = task_of(program, steps=3)
    decisions, lines, agreement = measured(task, opened(task, program, 0, jump=0.5, noop=0.5), program)
    # The exact run comes to line 0, which decides opcode, test and label, and to line 2.
    assert (decisions, lines, agreement) == (pytest.approx(1 / 4), pytest.approx(5 / 3), 1)


def test_active_lines_are_the_mean_over_examples():
    """Where r0 is 1 the half jump is not taken, and the counter stays at one line."""
    program = parse("jump 0 on; noop; on: noop")
    task = task_of(program, steps=3, start_registers={0: "0..1"})
    jumping = float((held_out(task, seed=0).test.registers[:, 0] == 0).mean())
    _, lines, _ = measured(task, opened(task, program, 0, jump=0.5, noop=0.5), program)
    assert 0.3 < jumping < 0.7 and lines == pytest.approx(jumping * 5 / 3 + 1 - jumping)


def test_agreement_is_the_share_of_steps_with_the_words_of_the_exact_run():
    """Twice inc with 0.6, noop with 0.4: r0 is 1 (0.6), then 1 (0.48) and not 2 (0.36), and stays so."""
    program = parse("inc 0 0; inc 0 0; noop")
    task = task_of(program, steps=3)
    logits = opened_again(opened(task, program, 0, inc=0.6, noop=0.4), 1, inc=0.6, noop=0.4)
    entropy = 0.9709506
    assert measured(task, logits, program) == [pytest.approx(2 * entropy / 7), 1, pytest.approx(1 / 3)]


def test_a_restart_is_judged_alone_as_among_others():
    program = parse("inc 0 0; inc 0 0; noop")
    task = task_of(program, steps=3)
    logits = torch.randn(40, 3, 22, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    test = held_out(task, seed=0).test
    together = spread(logits, [program] * 40, test, task)
    alone = spread(logits[37:38], [program], test, task)
    assert [part[37].item() for part in together] == pytest.approx([part.item() for part in alone])


def rows_of(path):
    return read_rows(path).drop(columns=[*TIMES, "config_hash"]).astype(object)


def test_rows_say_more_and_nothing_else(tmp_path):
    plain_cell = run(config(tmp_path / "plain"))
    cell = run(config(tmp_path / "more", complexity=True))
    with plain_cell.path.open(newline="") as file:
        assert next(csv.reader(file)) == list(RESTARTS.columns) and not set(COMPLEXITY) & set(RESTARTS.columns)
    with cell.path.open(newline="") as file:
        assert next(csv.reader(file)) == [*RESTARTS.columns, *COMPLEXITY]
    assert cell.facts["config_hash"] != plain_cell.facts["config_hash"]
    shared = rows_of(cell.path).drop(columns=list(COMPLEXITY))
    assert shared.equals(rows_of(plain_cell.path))
    rows = cell.rows
    assert (rows["shortest_lines"].notna() == rows["recovered_hard"]).all() and rows["recovered_hard"].any()
    assert (rows["shortest_lines"].dropna() <= 5).all() and rows["agreement"].between(0, 1).all()
    assert rows["active_lines"].between(1, 5).all() and (rows["decision_entropy"] > 0).all()
    same = rows["lines_changed"] == 0
    assert ((rows["edits_from_start"] == 0) == same).all()
    assert (rows["edits_from_reference"] == rows["edits_from_start"]).all()  # from the reference itself


def test_random_weights_have_no_start_to_be_edited(tmp_path):
    rows = run(config(tmp_path, init="random", restarts=2, complexity=True, optimizer=OptimizerConfig(updates=0))).rows
    assert rows["edits_from_start"].isna().all() and (rows["edits_from_reference"] > 0).all()


def test_a_cell_with_the_key_resumes(tmp_path):
    whole = run(config(tmp_path / "whole", complexity=True))
    half = run(config(tmp_path / "resumed", complexity=True, restarts=3))
    text = half.path.read_text()
    resumed = run(config(tmp_path / "resumed", complexity=True))
    assert resumed.path.read_text().startswith(text) and facts(resumed.path) == facts(whole.path)
    again = replay(config(tmp_path / "resumed", complexity=True, only=4), progress=False)
    there = facts(whole.path)[4]
    assert {name: again[name] for name in COMPLEXITY} == {name: there[name] for name in COMPLEXITY}


@pytest.mark.parametrize("method", ["local_search", "annealing", "synthesize", "solver", "learner"])
def test_only_weights_are_judged(tmp_path, method):
    with pytest.raises(UserError) as error:
        run(config(tmp_path, method=method, complexity=True, engine="auto"))
    assert str(error.value) == f"complexity=true: method={method} has no weights to judge; only method=tune has"
    assert not (tmp_path / "results").exists()
