"""How fast Millrace is, with all that it guarantees, against a loop written by hand that guarantees nothing of it."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from infra.bench.arm import Arm, ExactlyOnce
from infra.bench.hand_arm import Hand, HandUnvalidated
from infra.bench.preloaded import Preloaded
from infra.bench.report import Figure, Report
from infra.bench.rounds import Note, Rounds, Size, of_both
from infra.demo.servers import Servers

BUDGET = 0.90


def run(
    servers: Servers,
    folder: Path,
    note: Note,
    size: Size,
    arms: Sequence[type[Arm]] = (ExactlyOnce, Hand, HandUnvalidated),
) -> Report:
    """`arms` over the same input, there and back; the first of them is judged by the second, the third is told.

    Raises `Problem` where one of them fails.
    """
    rounds = Preloaded(servers, folder, note, size.events).alternated(arms, size.pairs)
    return Report(
        bench="throughput",
        load=rounds.load,
        figures=_figures(rounds, arms),
        void=rounds.void,
        series=[each.row() for each in rounds.runs],
    )


def _figures(rounds: Rounds, arms: Sequence[type[Arm]]) -> list[Figure]:
    ours, hand, unvalidated = (rounds.of(which) for which in arms)
    wall = [[each.wall for each in speeds] for speeds in (ours, hand, unvalidated)]
    cpu = [[each.cpu for each in speeds] for speeds in (ours, hand)]
    unit = "of the hand loop"
    return [
        of_both(wall[0], wall[1], name="ratio_hand", unit=unit, least=BUDGET),
        of_both(cpu[0], cpu[1], name="ratio_hand_cpu", unit=unit),
        of_both(wall[0], wall[2], name="ratio_unvalidated", unit="of one that checks no record"),
        Figure(name="millrace", value=statistics.median(wall[0]), unit="records/s"),
        Figure(name="hand", value=statistics.median(wall[1]), unit="records/s"),
        Figure(name="hand_unvalidated", value=statistics.median(wall[2]), unit="records/s"),
        Figure(name="millrace_cpu", value=statistics.median(cpu[0]), unit="records per s of CPU"),
        Figure(name="hand_cpu", value=statistics.median(cpu[1]), unit="records per s of CPU"),
    ]
