"""River's Bananas, two coordinates and a class, under three models; predictions must be those of River's own loop."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.preprocessing import StandardScaler
from river.tree import HoeffdingTreeClassifier

from streams import Field, Labels, Pipeline

FEATURES = ("x", "y")


class Point(BaseModel):
    """One point of the plane."""

    point_id: int
    seen_at: datetime
    x: float
    y: float


class Banana(BaseModel):
    """Which of the two bananas the point belongs to."""

    point_id: int
    second: bool
    known_at: datetime


def _pipeline(name: str, model: Callable[[], Any]) -> Pipeline:
    return Pipeline(
        name=f"bananas-{name}",
        event=Point,
        id="point_id",
        time="seen_at",
        labels=Labels(Banana, id="point_id", field="second", time="known_at", task="binary"),
        features=[Field(feature) for feature in FEATURES],
        model=model,
    )


logistic = _pipeline("logistic", lambda: StandardScaler() | LogisticRegression())
bayes = _pipeline("bayes", lambda: GaussianNB())  # type: ignore[no-untyped-call]  # River
tree = _pipeline("tree", lambda: HoeffdingTreeClassifier())
