"""A caller of `POST /score`, and the payments that it asks about."""

import json
from datetime import timedelta
from email.message import Message
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from infra.embedded.process import ServerProcess
from producers.known import Kind, Known
from schemas.payment import Payment
from tests.integration.harness import PIPELINES, READ_S, metrics_url
from tests.integration.test_restart import START

TARGET = f"{PIPELINES / 'asked.py'}:asked"
PARTITIONS = 4
LATER = START + timedelta(days=1)


class Told(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    body: Any


def base(running: ServerProcess) -> str:
    """Where a started worker is asked."""
    return metrics_url(running).removesuffix("/metrics")


def post(url: str, body: bytes, **headers: str) -> Told:
    """One request, as any client sends it."""
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        with urlopen(Request(f"{url}/score", body, given), timeout=READ_S) as answer:
            return Told(answer.status, answer.headers, json.load(answer))
    except HTTPError as refused:
        return Told(refused.code, refused.headers, json.load(refused))


def ask(url: str, payment: Payment, **headers: str) -> Told:
    return post(url, payment.model_dump_json().encode(), **headers)


def payment(number: int, *, customer: int | None = None) -> Payment:
    """One that comes after all others; each of another customer, unless said otherwise."""
    return Payment(
        transaction_id=f"q{number}",
        occurred_at=LATER,
        customer_id=f"c{number if customer is None else customer}",
        terminal_id="m1",
        amount=10.0 + number,
    )


def known(*payments: Payment) -> list[Known]:
    """The same, to be published."""
    return [Known(int(each.occurred_at.timestamp() * 1000), Kind.EVENT, each) for each in payments]
