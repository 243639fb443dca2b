"""A caller of `POST /score` and of the topic of requests, and the payments that it asks about."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from email.message import Message
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from aiohttp import ClientSession, ClientTimeout
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka import Message as Came

from infra.embedded.process import ServerProcess
from infra.settings import Settings, librdkafka
from producers.known import Kind, Known
from schemas.payment import Payment
from schemas.reply import HEADER_REQUEST_ID
from tests.integration.harness import PIPELINES, READ_S, metrics_url, wait
from tests.integration.test_restart import START

TARGET = f"{PIPELINES / 'asked.py'}:asked"
PARTITIONS = 4
SETTLED_S = 0.5
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


def bodies(many: int) -> Iterator[bytes]:
    """So many requests, each about another payment of one of 100 customers."""
    for number in range(1_000, 1_000 + many):
        yield payment(number, customer=number % 100).model_dump_json().encode()


def put(settings: Settings, topic: str, about: Payment, value: bytes, *, key: str | None) -> None:
    """A request by any client."""
    producer = Producer({**librdkafka(settings), "partitioner": "murmur2_random"})
    producer.produce(topic, value, key, headers={HEADER_REQUEST_ID: about.transaction_id.encode()})
    assert producer.flush(READ_S) == 0


@contextmanager
def replies(settings: Settings, topic: str) -> Iterator[Callable[[int], dict[str, Came]]]:
    """Called with a number, it gives so many replies that came since, by the names of their requests."""
    with closing(Consumer({**librdkafka(settings), "group.id": "asks"})) as consumer:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=READ_S)[1]
        consumer.assign(places)
        yield lambda many: {header(each): each for each in consumer.consume(many, timeout=READ_S)}


def header(reply: Came) -> str:
    """The name of the request that it is a reply to."""
    name = dict(reply.headers() or [])[HEADER_REQUEST_ID]
    assert isinstance(name, bytes)
    return name.decode()


async def flood(url: str, bodies: Iterator[bytes], *, at_once: int) -> Counter[int]:
    """The statuses of these requests."""
    statuses = Counter[int]()

    async def one_after_the_other(session: ClientSession) -> None:
        for body in bodies:
            async with session.post(f"{url}/score", data=body, headers={"Content-Type": "application/json"}) as answer:
                await answer.read()
                statuses[answer.status] += 1

    async with ClientSession(timeout=ClientTimeout(total=READ_S)) as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(at_once)))
    return statuses


def settled(ends: Callable[[], dict[str, list[int]]]) -> dict[str, list[int]]:
    """Where topics end once the markers of what was committed stand there too: nothing comes behind for a while."""
    found: list[dict[str, list[int]]] = []

    def same() -> bool:
        found.append(ends())
        return found[-1:] == found[-2:-1]

    wait("nothing comes any more", same, [], within_s=READ_S, poll_s=SETTLED_S)
    return found[-1]
