"""The handbook's features of a tenth of its payments against pandas: counts and rates exactly, means to 1e-9."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from streams import per
from streams.aggregate import Windows
from streams.features import Features

FILE = Path(__file__).parents[3] / "shared" / "data" / "payments-2018-04-to-07.parquet"
DAYS = (1, 7, 30)
SPANS = tuple(f"{days}d" for days in DAYS)
DELAY = pd.Timedelta("7D")
CUSTOMER = per("customer_id").over(*SPANS).count().mean("amount")
TERMINAL = per("terminal_id").over(*SPANS, delay="7d").count().rate("label")

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"the evaluation data is not there: {FILE.name} belongs in ../shared/data"
)


class Paid(BaseModel):
    amount: float


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    """All payments in the order of their times."""
    return pd.read_parquet(FILE).sort_values(["occurred_at", "transaction_id"], ignore_index=True)


def ours(windows: Windows, rows: pd.DataFrame) -> pd.DataFrame:
    """What the features are when each label comes seven days after its payment."""
    features = Features([windows])
    states = features.initial()
    delay_ms = DELAY // pd.Timedelta("1ms")
    coming: deque[tuple[int, str, bool]] = deque()

    def vectors() -> Iterator[list[float]]:
        for at, key, amount, fraud in zip(
            rows["occurred_at"], rows[windows.entity].astype(str), rows["amount"], rows["fraud"], strict=True
        ):
            at_ms = at.value // 1_000_000
            while coming and coming[0][0] <= at_ms:
                known_ms, whose, positive = coming.popleft()
                if features.rated:
                    features.label(states, (whose,), known_ms - delay_ms, (), positive=positive)
            features.expire(states, at_ms)
            yield features.vector(states, Paid(amount=amount), (key,), at_ms)
            coming.append((at_ms + delay_ms, key, bool(fraud)))

    return pd.DataFrame(list(vectors()), columns=list(features.names), index=rows.index)


def rolled(rows: pd.DataFrame, entity: str, column: str, span: pd.Timedelta) -> Any:
    """Of each row, the sum of a column over `(t - span, t]` among the rows of its entity up to itself."""
    by = rows.set_index("occurred_at").groupby(entity, sort=False)[column]
    parts = [group.rolling(span).sum().to_numpy() for _, group in by]
    places = np.concatenate([np.asarray(place) for place in rows.groupby(entity, sort=False).indices.values()])
    told = np.empty(len(rows))
    told[places] = np.concatenate(parts)
    return told


def test_counts_and_means_of_customers_are_those_of_pandas(payments: pd.DataFrame) -> None:
    rows = payments[payments["customer_id"].astype(int) % 10 == 0].reset_index(drop=True).assign(one=1.0)

    found = ours(CUSTOMER, rows)

    for days in DAYS:
        count = rolled(rows, "customer_id", "one", pd.Timedelta(days=days))
        total = rolled(rows, "customer_id", "amount", pd.Timedelta(days=days))
        np.testing.assert_array_equal(found[f"customer_id.count.{days}d"], count)
        np.testing.assert_allclose(found[f"customer_id.amount.mean.{days}d"], total / count, rtol=1e-9)


def test_counts_and_rates_of_terminals_are_those_of_pandas(payments: pd.DataFrame) -> None:
    rows = payments[payments["terminal_id"].astype(int) % 10 == 0].reset_index(drop=True).assign(one=1.0)
    rows["bad"] = rows["fraud"].astype(float)

    found = ours(TERMINAL, rows)

    for days in DAYS:
        long = DELAY + pd.Timedelta(days=days)
        count, bad = (
            rolled(rows, "terminal_id", each, long) - rolled(rows, "terminal_id", each, DELAY)
            for each in ("one", "bad")
        )
        rate = np.divide(np.round(bad), np.round(count), out=np.zeros(len(rows)), where=np.round(count) > 0)
        np.testing.assert_array_equal(found[f"terminal_id.count.{days}d.delay_7d"], np.round(count))
        np.testing.assert_array_equal(found[f"terminal_id.rate.{days}d.delay_7d"], rate)
