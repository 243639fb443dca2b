"""Which payments the handbook's test week is about."""

import numpy as np
import pandas as pd
import pytest

from infra.pipelines.handbook import extended, handbook
from tests.bench.handbook import judged, kept


def payments(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    """Days of July, customers, frauds."""
    return pd.DataFrame(
        {
            "transaction_id": [str(n) for n in range(len(rows))],
            "occurred_at": pd.to_datetime([f"2018-07-{day}T12:00" for day, _, _ in rows]),
            "customer_id": [customer for _, customer, _ in rows],
            "fraud": [fraud for _, _, fraud in rows],
        }
    )


@pytest.mark.parametrize(
    ("fraud_on", "left_out"),
    [
        ("10", []),
        ("11", ["25", "26", "31"]),
        ("17", ["25", "26", "31"]),
        ("18", ["26", "31"]),
        ("19", ["31"]),
        ("24", []),
    ],
)
def test_a_card_is_left_out_from_the_day_on_which_its_fraud_is_known(fraud_on: str, left_out: list[str]) -> None:
    days = ["24", "25", "26", "31"]
    told = payments((fraud_on, "struck", True), *[(day, "struck", False) for day in days])

    found = kept(told)["occurred_at"].dt.day.astype(str).tolist()

    assert found == [day for day in days[1:] if day not in left_out]


def test_scores_are_judged_over_those_payments() -> None:
    told = payments(
        ("12", "known", True), ("25", "known", True), ("25", "a", True), ("28", "b", False), ("31", "c", False)
    )
    scores = pd.DataFrame({"event_id": told["transaction_id"], "model": np.array([0.0, 0.0, 0.5, 0.9, 0.1])})

    assert judged(scores, told, "model") == {"roc_auc": 0.5, "average_precision": 0.5}


def test_the_pipelines_have_the_handbook_s_features_and_more() -> None:
    assert len(handbook.feature_names) == 15
    assert extended.feature_names[:15] == handbook.feature_names
    assert len(extended.feature_names) == 38
