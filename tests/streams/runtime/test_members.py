"""Who has a partition of another stage is asked once, and again where that was wrong or not known."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaConnectionError

from streams.runtime import members as tried
from streams.runtime.assignor import by_number
from streams.runtime.desk import Away
from streams.runtime.members import Members


class Admin:
    """A client that tells one description after the other, or fails."""

    def __init__(self, *told: Any) -> None:
        self.told = list(told)
        self.closed = False

    async def start(self) -> None:
        """It is connected."""

    async def close(self) -> None:
        self.closed = True

    async def describe_consumer_groups(self, groups: list[str]) -> list[Any]:
        assert groups == ["taps.v1.score"]
        told = self.told.pop(0)
        if isinstance(told, Exception):
            raise told
        if told is None:
            await asyncio.Event().wait()
        return [SimpleNamespace(groups=[(0, groups[0], "Stable", "consumer", "millrace", told)])]


def member(address: str, *partitions: int) -> tuple[Any, ...]:
    """As the coordinator describes one; without partitions while the group is forming."""
    metadata = by_number(address).metadata({"a", "b"}).encode()
    assignment = ConsumerProtocolMemberAssignment(0, [(topic, list(partitions)) for topic in "ab"], b"").encode()
    return ("id", "client", "host", metadata, assignment if partitions else b"")


def asked(monkeypatch: pytest.MonkeyPatch, admin: Admin, ask: Callable[[Members], Coroutine[Any, Any, Any]]) -> Any:
    monkeypatch.setattr(tried, "AIOKafkaAdminClient", lambda **_: admin)

    async def asking() -> Any:
        members = Members("taps.v1.score", {})
        try:
            return await ask(members)
        finally:
            await members.close()

    found = asyncio.run(asking())
    assert admin.closed
    return found


def test_all_who_ask_are_told_by_one_description(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = Admin([member("http://one", 0, 2), member("http://two", 1)])

    found = asked(monkeypatch, admin, lambda m: asyncio.gather(*map(m.address_of, (0, 1, 2, 0))))  # type: ignore[arg-type,return-value]  # a future does as well

    assert found == ["http://one", "http://two", "http://one", "http://one"]


def test_an_address_that_was_wrong_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(members: Members) -> list[str]:
        before = await members.address_of(0)
        members.forget(0, "http://other")
        same = await members.address_of(0)
        members.forget(0, before)
        return [before, same, await members.address_of(0)]

    admin = Admin([member("http://one", 0)], [member("http://two", 0)])

    assert asked(monkeypatch, admin, ask) == ["http://one", "http://one", "http://two"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "nobody has partition 0"),
        ([member("http://one")], "nobody has partition 0"),
        ([member("", 0)], "nobody has partition 0"),
        (KafkaConnectionError("gone"), "Kafka does not say"),
        (None, "Kafka does not say"),
    ],
    ids=["no member", "forming", "no address", "no broker", "no answer"],
)
def test_where_nobody_is_known_one_asks_again(monkeypatch: pytest.MonkeyPatch, told: Any, why: str) -> None:
    monkeypatch.setattr(tried, "WITHIN_S", 0.05)

    async def ask(members: Members) -> str:
        with pytest.raises(Away, match=why):
            await members.address_of(0)
        return await members.address_of(0)

    assert asked(monkeypatch, Admin(told, [member("http://two", 0)]), ask) == "http://two"
