"""River's phishing pages under three models; predictions must be those of River's own loop."""

from collections.abc import Callable
from typing import Any

from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.preprocessing import StandardScaler
from river.tree import HoeffdingTreeClassifier

from infra.pipelines.phishing import FEATURES, Page, Verdict
from streams import Field, Labels, Pipeline


def _pipeline(name: str, model: Callable[[], Any]) -> Pipeline:
    return Pipeline(
        name=f"phishing-{name}",
        event=Page,
        id="page_id",
        time="seen_at",
        labels=Labels(Verdict, id="page_id", field="phishing", time="known_at", task="binary"),
        features=[Field(feature) for feature in FEATURES],
        model=model,
    )


logistic = _pipeline("logistic", lambda: StandardScaler() | LogisticRegression())
bayes = _pipeline("bayes", lambda: GaussianNB())  # type: ignore[no-untyped-call]  # River
tree = _pipeline("tree", lambda: HoeffdingTreeClassifier())
