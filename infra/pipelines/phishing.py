"""River's bundled phishing data as a stream: web pages, and a while later whether each was a phishing page."""

from datetime import datetime

from pydantic import BaseModel, Field
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from streams import Field as Feature
from streams import Labels, Pipeline

FEATURES = (
    "empty_server_form_handler",
    "popup_window",
    "https",
    "request_from_other_domain",
    "anchor_from_other_domain",
    "is_popular",
    "long_url",
    "age_of_domain",
    "ip_in_url",
)


class Page(BaseModel):
    """One web page, as River's `datasets.Phishing` describes it."""

    page_id: str = Field(description="its number in the data set")
    seen_at: datetime = Field(description="UTC")
    empty_server_form_handler: float
    popup_window: float
    https: float
    request_from_other_domain: float
    anchor_from_other_domain: float
    is_popular: float
    long_url: float
    age_of_domain: int
    ip_in_url: int


class Verdict(BaseModel):
    """Whether the page was phishing."""

    page_id: str
    phishing: bool
    known_at: datetime = Field(description="UTC")


phishing = Pipeline(
    name="phishing",
    event=Page,
    id="page_id",
    time="seen_at",
    labels=Labels(Verdict, id="page_id", field="phishing", time="known_at", task="binary"),
    features=[Feature(name) for name in FEATURES],
    model=lambda: StandardScaler() | LogisticRegression(),
)
