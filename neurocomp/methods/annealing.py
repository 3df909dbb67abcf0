"""method=annealing: restarts side by side in compiled code; one row a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurocomp.methods.progress import Progress
from neurocomp.methods.searches import judge_of
from neurocomp.methods.side_by_side import Heard, searched_rows
from neurocomp.plan import Plan, programs_a_restart
from neurocomp.results.made import Made
from neurocomp.search.annealing import Schedule, anneal
from neurocomp.search.annealing_kernel import steps
from neurocomp.search.judge import Searched
from neurocomp.seeding import generator
from neurocomp.tasks.examples import HeldOut


def annealed_rows(
    plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None
) -> Iterator[Made]:
    """The rows of these restarts. The kernel lets other threads run, so that they share the machine as processes do."""
    steps()  # compiled before any restart's time is taken
    config = plan.config
    schedule = Schedule(programs_a_restart(config), config.annealing.temperature, config.annealing.fresh)

    def annealed(restart: int, heard: Heard) -> Searched:
        stream = generator(config.seed, restart, "annealing")
        judge = judge_of(plan, unseen, restart)
        return anneal(plan.start_of(restart).program, judge, schedule, stream, config.limit, heard)

    yield from searched_rows(annealed, plan, unseen, batches, bar)
