"""What exactly-once costs: ledger, checkpoints and transactions against the same run at least once without them."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from infra.bench.arm import Arm, AtLeastOnce, ExactlyOnce
from infra.bench.preloaded import Preloaded
from infra.bench.report import Figure, Report
from infra.bench.rounds import Note, Rounds, Size, Speed, of_both
from infra.demo.servers import Servers

BUDGET = 0.90


def run(
    servers: Servers,
    folder: Path,
    note: Note,
    size: Size,
    arms: tuple[type[Arm], type[Arm]] = (ExactlyOnce, AtLeastOnce),
) -> Report:
    """Both `arms` over the same input, alternated. Raises `Problem` where one of them fails."""
    rounds = Preloaded(servers, folder, note, size.events).alternated(arms, size.pairs)
    return Report(
        bench="guarantees",
        load=rounds.load,
        figures=_figures(rounds, arms),
        void=rounds.void,
        series=[each.row() for each in rounds.runs],
    )


def _figures(rounds: Rounds, arms: tuple[type[Arm], type[Arm]]) -> list[Figure]:
    ours, other = (rounds.of(which) for which in arms)
    best_wall, best_cpu = (max(r[i] for r in ours) / max(r[i] for r in other) for i in (0, 1))
    unit = "of at least once"
    return [
        Figure(name="ratio_wall", value=best_wall, unit=unit, least=BUDGET, note="best of each"),
        of_both([r.wall for r in ours], [r.wall for r in other], name="ratio_wall_median", unit=unit),
        Figure(name="ratio_cpu", value=best_cpu, unit=unit, note="best of each"),
        of_both([r.cpu for r in ours], [r.cpu for r in other], name="ratio_cpu_median", unit=unit),
        Figure(name="exactly_once", value=max(r.wall for r in ours), unit="records/s"),
        Figure(name="at_least_once", value=max(r.wall for r in other), unit="records/s"),
        Figure(name="exactly_once_committing", value=_committing(ours), unit="of the time"),
        Figure(name="at_least_once_committing", value=_committing(other), unit="of the time"),
    ]


def _committing(speeds: Sequence[Speed]) -> float:
    return statistics.median(each.committing for each in speeds)
