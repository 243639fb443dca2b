"""Typed reading of a scored topic."""

from contextlib import closing

import pytest

from consumers.scored import follow, read
from infra.settings import Settings, librdkafka, schema_registry
from schemas.registry import Registry
from schemas.topics import Topics
from tests.integration.outputs import PARTITIONS, Outputs, scored

pytestmark = pytest.mark.servers


@pytest.fixture
def topics(settings: Settings) -> Topics:
    return Topics(pipeline="p", prefix=settings.topic_prefix)


def test_reading_gives_what_was_committed_in_order_and_ends(settings: Settings, topics: Topics) -> None:
    outputs = Outputs(settings, topics)
    with outputs.transaction():
        outputs.write([scored(number) for number in range(10)])
    with outputs.transaction(aborted=True):
        outputs.write([scored(99)])

    with Registry(schema_registry(settings)) as registry:
        found = list(read(librdkafka(settings), registry, topics.scored))

    assert sorted(found, key=lambda each: each.source_offset) == [scored(number) for number in range(10)]
    for part in range(PARTITIONS):
        numbers = [each.source_offset for each in found if each.source_offset % PARTITIONS == part]
        assert numbers == sorted(numbers)


def test_following_goes_on_where_the_group_left_off(settings: Settings, topics: Topics) -> None:
    outputs = Outputs(settings, topics)
    with outputs.transaction():
        outputs.write([scored(number) for number in range(4)])

    with Registry(schema_registry(settings)) as registry:
        group = f"{topics.scored}.reader"
        with closing(follow(librdkafka(settings), registry, topics.scored, group=group)) as scores:
            first = [next(scores).source_offset for _ in range(3)]
        with closing(follow(librdkafka(settings), registry, topics.scored, group=group)) as scores:
            second = [next(scores).source_offset for _ in range(2)]

    assert first[2] == second[0], "the last one asked for was not done with"
    assert {*first, *second} == {0, 1, 2, 3}
