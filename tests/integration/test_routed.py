"""Score requests to two workers with two partitions each: either answers for all, or says that it cannot just now."""

import json
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings
from streams.load import load
from tests.integration.asking import PARTITIONS, TARGET, ask, base, payment
from tests.integration.harness import READ_S, STARTED_S, wait, wait_folded, worker, worker_of
from tests.integration.test_restart import payments

pytestmark = pytest.mark.servers

ASKED = [payment(number) for number in range(12)]


def shares(running: list[ServerProcess]) -> list[int]:
    """How many partitions each worker has; none where it does not say yet."""
    found = []
    for each in running:
        try:
            with urlopen(f"{base(each)}/health", timeout=READ_S) as answer:
                found.append(len(json.load(answer)["partitions"]))
        except URLError:
            found.append(0)
    return found


def test_any_worker_answers_for_any_key_and_sends_away_while_its_partition_moves(
    settings: Settings, tmp_path: Path
) -> None:
    pipeline = load(TARGET)
    feed(pipeline, payments(0, 600), settings, partitions=PARTITIONS)
    with worker(settings, TARGET, tmp_path) as first, worker(settings, TARGET, tmp_path) as second:
        both = [first, second]
        wait("each has two", lambda: shares(both) == [2, 2], both, within_s=STARTED_S)
        wait_folded(settings, pipeline, *both)
        ours, theirs = ([ask(base(each), one) for one in ASKED] for each in both)
        worker_of(second).kill()
        wait("it is gone", lambda: not second.alive, [], within_s=STARTED_S)
        meanwhile = [ask(base(first), one) for one in ASKED]
        wait("partitions come over", lambda: shares([first]) == [4], [first], within_s=STARTED_S)
        alone = [ask(base(first), one) for one in ASKED]

    assert {told.status for told in (*ours, *theirs, *alone)} == {200}
    assert [told.body for told in ours] == [told.body for told in theirs]
    assert {told.body["partition"] for told in ours} == set(range(PARTITIONS))
    assert {told.status for told in meanwhile} == {200, 503}
    assert all(told.headers["Retry-After"] == "1" for told in meanwhile if told.status == 503)
    assert [told.body["score"] for told in alone] == [told.body["score"] for told in ours]
