"""Partition p of every topic lies with one member, each partition with exactly one, evenly."""

from collections import Counter
from typing import Any

import pytest

from streams.runtime.assignor import ByNumber, by_number


class Cluster:
    """A cluster whose topics have as many partitions as told."""

    def __init__(self, partitions: dict[str, int]) -> None:
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._partitions[topic])) if topic in self._partitions else None


def assigned(
    members: int, partitions: dict[str, int], missing: tuple[str, ...] = ()
) -> dict[str, list[tuple[str, int]]]:
    metadata = {f"member-{n}": ByNumber.metadata([*partitions, *missing]) for n in range(members)}
    cluster: Any = Cluster(partitions)
    answer = ByNumber.assign(cluster, metadata)
    return {m: [(topic, p) for topic, ps in a.assignment for p in ps] for m, a in answer.items()}


@pytest.mark.parametrize("members", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("count", [1, 4, 7, 12])
def test_each_partition_lies_with_one_member_and_its_number_with_the_same(members: int, count: int) -> None:
    topics = {"events": count, "labels": count, "scored": count, "outcomes": count}

    shares = assigned(members, topics)

    owned = Counter(each for share in shares.values() for each in share)
    assert owned == {(topic, p): 1 for topic in topics for p in range(count)}
    owner = {each: member for member, share in shares.items() for each in share}
    assert all(len({owner[topic, p] for topic in topics}) == 1 for p in range(count))
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= len(topics)
    assert len(shares) == members


def test_the_same_members_get_the_same_shares_in_whatever_order_they_are_named() -> None:
    cluster: Any = Cluster({"events": 4})
    names = ["c", "a", "b"]

    one = ByNumber.assign(cluster, {name: ByNumber.metadata(["events"]) for name in names})
    two = ByNumber.assign(cluster, {name: ByNumber.metadata(["events"]) for name in reversed(names)})

    assert {name: each.assignment for name, each in one.items()} == {
        name: each.assignment for name, each in two.items()
    }


def test_a_topic_that_the_cluster_does_not_know_yet_is_nobodys() -> None:
    shares = assigned(2, {"events": 2}, missing=("labels",))

    assert shares == {"member-0": [("events", 0)], "member-1": [("events", 1)]}


def test_topics_of_different_length_share_what_they_have() -> None:
    owner = {each: member for member, share in assigned(3, {"a": 5, "b": 2}).items() for each in share}

    assert len(owner) == 7
    assert all(owner["a", p] == owner["b", p] for p in range(2))


def test_each_member_learns_where_the_others_are_asked() -> None:
    cluster: Any = Cluster({"events": 4})
    members = [by_number("http://one"), by_number(""), by_number("http://three")]

    shares = ByNumber.assign(cluster, {str(n): each.metadata(["events"]) for n, each in enumerate(members)})
    for n, member in enumerate(members):
        member.on_assignment(shares[str(n)])

    for member in members:
        assert [member.address_of(p) for p in range(4)] == ["http://one", None, "http://three", "http://one"]
    assert not ByNumber.addresses


def test_nobody_is_asked_where_no_member_says_where() -> None:
    cluster: Any = Cluster({"events": 4})
    member = by_number("")

    member.on_assignment(ByNumber.assign(cluster, {"a": member.metadata(["events"])})["a"])

    assert member.address_of(0) is None
