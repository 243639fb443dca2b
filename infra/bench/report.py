"""What a bench found: figures beside their budgets, and why none of them counts where the outputs are wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from infra.bench.machine import machine


class Verdict(StrEnum):
    """How a bench ended. `void`: its outputs were lost, doubled or different, so its figures say nothing."""

    PASS = "pass"  # noqa: S105 (no password)
    MISSED = "missed"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. `least` or `most` is its budget; without either it is there to be read.

    >>> Figure(name="wall", value=0.93, unit="ratio", least=0.9).held
    True
    >>> Figure(name="caught_up", value=12.0, unit="s", most=10.0).held
    False
    """

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def held(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.most is None else self.value <= self.most

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return "" if self.most is None else f"at most {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one bench found under one load; `series` holds rows for those who want to draw them."""

    bench: str
    load: Mapping[str, object]
    figures: Sequence[Figure]
    void: Sequence[str] = ()
    series: Sequence[Mapping[str, object]] = field(default_factory=tuple)

    @property
    def verdict(self) -> Verdict:
        if self.void:
            return Verdict.VOID
        return Verdict.MISSED if any(figure.held is False for figure in self.figures) else Verdict.PASS

    def as_json(self) -> dict[str, Any]:
        """Plain values: bench, verdict, machine, load, figures by name, why it is void, series."""
        return {
            "bench": self.bench,
            "verdict": self.verdict.value,
            "machine": machine(),
            "load": dict(self.load),
            "figures": {f.name: {**asdict(f), "held": f.held} for f in self.figures},
            "void": list(self.void),
            "series": [dict(row) for row in self.series],
        }
