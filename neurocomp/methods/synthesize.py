"""method=synthesize: each restart is a synthesis on examples of its own; one row a restart."""

from __future__ import annotations

import time
from collections.abc import Sequence

from neurocomp.language.assembly import format_program
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns, discrete_columns
from neurocomp.plan import Plan
from neurocomp.synthesis.synthesizer import Synthesis, synthesize, validated
from neurocomp.tasks.examples import HeldOut, count_trained_tests, training_examples
from neurocomp.tasks.verification import Verdict, verdicts


def synthesized_rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None) -> list[dict]:
    """The printed solution of each restart, or its best near miss, judged on test examples."""
    rows = []
    for restart in restarts:
        examples = training_examples(plan.task, unseen, plan.config.seed, restart, plan.config.examples)
        seen = count_trained_tests(unseen, [examples])
        began = time.perf_counter()
        settings, language = plan.config.synthesis, plan.language
        accept = validated(plan.task, examples, unseen, settings, language)
        found = synthesize(plan.task, examples, settings, limit=plan.config.limit, language=language, accept=accept)
        synthesis = uninterrupted(found)
        rows.append(
            common_columns(plan)
            | {"restart": restart, "tests_trained": seen}
            | _columns(plan, unseen, synthesis, time.perf_counter() - began)
        )
        if bar:
            bar.after_restart(rows[-1]["status"] == "recovered")
    return rows


def uninterrupted(synthesis: Synthesis) -> Synthesis:
    """The synthesis itself. Raises KeyboardInterrupt if Ctrl-C ended it early: that must not become a row."""
    if synthesis.ended == "interrupted":
        raise KeyboardInterrupt
    return synthesis


def _columns(plan: Plan, unseen: HeldOut, synthesis: Synthesis, seconds: float) -> dict:
    executed = {
        "executions": synthesis.executions,
        "backward_executions": 0,
        "cpu_s": round(synthesis.core_seconds, 4),
    }
    cut = "limit" if synthesis.ended == "limit" else ""
    if not synthesis.found:
        nothing = Verdict(False, False if plan.task.general else None)
        return discrete_columns(False, nothing, unseen, seconds, cut) | executed | {"synthesized": False}
    best = synthesis.found[0]
    text = format_program(best.program, one_line=True, jump_target=plan.task.machine.jump_target)
    verdict = verdicts([text], plan.task, unseen)[text]
    found = {"synthesized": best.exact, "template": best.template, "program": text}
    return discrete_columns(best.exact, verdict, unseen, seconds, cut) | executed | found
