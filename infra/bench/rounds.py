"""What runs of several arms gave: how fast each was, what came out, and how two arms compare."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from infra.bench.arm import Arm
from infra.bench.outputs import Written
from infra.bench.report import Figure
from infra.bench.stopwatch import Lap

WARM = 0.2
"""The first part of every run, which is not measured."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much: `events` folded in each run, so many runs of each arm."""

    events: int = 100_000
    pairs: int = 4


QUICK = Size(events=40_000, pairs=2)


class Speed(NamedTuple):
    """Records a second of wall and of CPU time; commits, and the share of the time that they took."""

    wall: float
    cpu: float
    commits: int
    committing: float


class Round(NamedTuple):
    """One run of one arm: how fast it was, and what came out."""

    name: str
    arm: str
    speed: Speed
    found: Written

    def row(self) -> dict[str, object]:
        """For those who want to draw it."""
        return {
            "run": self.name,
            "records_per_s": self.speed.wall,
            "records_per_cpu_s": self.speed.cpu,
            "commits": self.speed.commits,
            "committing": self.speed.committing,
        }


class Rounds(NamedTuple):
    """All runs, what was loaded for them, and why they do not count."""

    runs: Sequence[Round]
    load: dict[str, object]
    void: list[str]

    def of(self, which: type[Arm]) -> list[Speed]:
        """How fast the runs of one arm were."""
        return [each.speed for each in self.runs if each.arm == which.__name__]


def of_both(ours: Sequence[float], other: Sequence[float], **told: Any) -> Figure:
    """The median ratio of the pairs, each of two runs one behind the other, with the least and the greatest of them."""
    ratios = [a / b for a, b in zip(ours, other, strict=True)]
    note = f"median of {len(ratios)}, {min(ratios):.3g} to {max(ratios):.3g}"
    return Figure(value=statistics.median(ratios), note=note, **told)


def speed_of(laps: Sequence[Lap]) -> Speed:
    """Behind the warm-up, up to the last commit that brought records."""
    behind = [lap for lap in laps if lap.records >= WARM * laps[-1].records]
    first, *rest = [lap for n, lap in enumerate(behind) if n == 0 or lap.records > behind[n - 1].records]
    records, seconds = rest[-1].records - first.records, rest[-1].wall_s - first.wall_s
    return Speed(
        wall=records / seconds,
        cpu=records / (rest[-1].cpu_s - first.cpu_s),
        commits=len(rest),
        committing=sum(lap.commit_s for lap in rest) / seconds,
    )
