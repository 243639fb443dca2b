"""The handbook's test week, on the scores of a backtest.

`python -m tests.bench.handbook SCORES.parquet PAYMENTS.parquet` judges each pipeline. The protocol: a week of training
from 11 July, a week until its labels are known, a week of test from 25 July. Cards that are known to be compromised are
taken out: those with a fraud in the week of training, and on each day of the test those with a fraud that has become
known since, seven days after it was.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from infra.backtest.answers import Said, Truth
from infra.backtest.figures import Figures, ranking

TRAINED_FROM = date(2018, 7, 11)
TESTED_FROM = date(2018, 7, 25)
DAYS = 7
NOT_SAID = np.array([], dtype=np.int64)


def kept(payments: pd.DataFrame) -> pd.DataFrame:
    """The payments of the test week whose cards are not known to be compromised, day by day."""
    return pd.concat(_days(payments))


def _days(payments: pd.DataFrame) -> Iterator[pd.DataFrame]:
    day = payments["occurred_at"].dt.date
    frauds = payments[payments["fraud"].astype(bool)]
    known_until = TRAINED_FROM + timedelta(days=DAYS - 1)
    for n in range(DAYS):
        known = frauds["occurred_at"].dt.date.between(TRAINED_FROM, known_until + timedelta(days=n))
        today = payments[day == TESTED_FROM + timedelta(days=n)]
        yield today[~today["customer_id"].isin(frauds.loc[known, "customer_id"])]


def judged(scores: pd.DataFrame, payments: pd.DataFrame, name: str) -> Figures:
    """ROC AUC and average precision of one pipeline's scores over those payments."""
    week = kept(payments)
    said = scores.set_index("event_id")[name].loc[week["transaction_id"].astype(str)].to_numpy()
    truth = week["fraud"].to_numpy(dtype=np.float64)
    return ranking(Said(said, NOT_SAID, np.array([])), Truth(truth, NOT_SAID, NOT_SAID))


if __name__ == "__main__":
    found, told = (pd.read_parquet(Path(path)) for path in sys.argv[1:3])
    for pipeline in found.columns[3:]:
        sys.stdout.write(f"{pipeline}: {judged(found, told, pipeline)}\n")
