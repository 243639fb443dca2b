"""Events drawn from known distributions, clean or with one thing planted, as tables to be profiled."""

from typing import Any

import numpy as np
import pyarrow as pa

from infra.profile.describe import describe
from infra.profile.model import Field, Finding, Profile
from infra.profile.table import Joined, Table
from streams.labels import Task

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_741_564_800_000  # a Monday
ROWS = 20_000
DAYS = 20


class Draw:
    """Columns of `rows` events over `DAYS` days, a tenth of them positive, that change nothing and leak nothing."""

    def __init__(self, rows: int = ROWS, seed: int = 1) -> None:
        draw = self.draw = np.random.default_rng(seed)
        self.rows = rows
        self.at_ms = START_MS + np.sort(draw.integers(0, DAYS * DAY_MS, rows))
        self.fraud = draw.random(rows) < 0.1
        self.known = np.ones(rows, dtype=bool)
        self.columns: dict[str, Any] = {
            "event_id": pa.array([f"e{number}" for number in range(rows)]),
            "at": pa.array(self.at_ms, pa.timestamp("ms", "UTC")),
            "amount": pa.array(draw.lognormal(3.0 + 0.5 * self.fraud, 0.8)),
            "channel": pa.array(draw.choice(["web", "shop", "phone"], rows, p=[0.6, 0.3, 0.1])),
            "card": pa.array(draw.integers(0, 400, rows).astype(str)),
            "tip": pa.array(draw.normal(2.0, 1.0, rows), mask=draw.random(rows) < 0.4),
            "abroad": pa.array(draw.random(rows) < 0.05 + 0.1 * self.fraud),
            "age": pa.array(draw.integers(18, 90, rows)),
        }

    @property
    def later(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Rows of the second half of the time."""
        return self.at_ms >= START_MS + DAYS // 2 * DAY_MS

    def table(self, *, truth: Any = None, task: Task | None = None, **known: Any) -> Table:
        held = pa.array(self.fraud, mask=~self.known) if truth is None else pa.array(truth)
        return Table(
            title="events",
            place="memory",
            columns={name: pa.chunked_array([values]) for name, values in self.columns.items()},
            time="at",
            id="event_id",
            labels=Joined(field="fraud", truth=pa.chunked_array([held]), task=task, **known),
        )

    def profile(self, **given: Any) -> Profile:
        return describe(self.table(**given))


def field(profile: Profile, name: str) -> Field:
    return next(each for each in profile.fields if each.name == name)


def found(profile: Profile, what: str) -> dict[str | None, Finding]:
    """Findings of one sort by their fields."""
    return {each.field: each for each in profile.findings if each.what == what}
