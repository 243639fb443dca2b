"""Sends rejected records to their inputs again, each once: records and what remembers them are one transaction."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from confluent_kafka.admin import AdminClient

from infra import topics as kafka_topics
from infra.rejected.log import RejectedLog, silent
from infra.rejected.record import Rejected
from infra.rejected.selection import Selection
from infra.rejected.sender import Sender
from schemas.problem import Problem

TOGETHER = 500
"""Records of one transaction."""


@dataclass(slots=True)
class Replayed:
    """What became of the selected records: `sent` by reason and by topic, `before` sent by an earlier replay, or by
    this one, where another version has rejected the same record.

    `foreign` came from none of the pipeline's inputs: to send them anywhere would be a guess.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    before: int = 0
    foreign: int = 0

    @property
    def sent(self) -> int:
        return self.reasons.total()

    def add(self, log: RejectedLog, rejected: Rejected, done: set[str]) -> bool:
        """Count one record; whether it is to be sent, as it then is among those that are `done`."""
        topic, replay_id = log.input_of(rejected), log.replay_id(rejected)
        if topic is None:
            self.foreign += 1
        elif replay_id in done:
            self.before += 1
        else:
            done.add(replay_id)
            self.reasons[rejected.reason] += 1
            self.topics[topic] += 1
            return True
        return False


def plan(log: RejectedLog, selection: Selection) -> Replayed:
    """What `replay` would do now. Raises `Problem` where a place that is asked for holds no record."""
    done, planned = log.replayed(), Replayed()
    found = set()
    for rejected in log.read(selection):
        planned.add(log, rejected, done)
        found.add(rejected.place)
    absent = sorted(selection.at - found)
    if absent:
        where = ", ".join(f"{partition}:{offset}" for partition, offset in absent[:3])
        raise Problem(f"{log.topics.rejected} has no record at {where}: `millrace rejected list` shows those it has")
    return planned


def replay(
    log: RejectedLog,
    selection: Selection,
    *,
    replication_factor: int | None = None,
    progress: Callable[[Rejected], None] | None = None,
) -> Replayed:
    """Send what is selected and has not been sent before; all of it is committed on return.

    A record goes to the topic that it came from, as if it arrived now: its key, its value and its headers, without
    those that said why it was rejected and with its replay id; to the partition of its key. Records of one partition of
    `rejected` keep their order.

    Each is sent once, whenever this is killed and however often it is started: its replay id is committed to `replayed`
    in the same transaction, and read from there after every earlier producer of the pipeline's replays is fenced.
    Raises `Problem` where another replay took over, or Kafka did not take a transaction.
    """
    _create(log, replication_factor)
    sender = Sender(log)
    done, replayed = log.replayed(), Replayed()
    with sender:
        for together in _together(log.read(selection)):
            waiting = [rejected for rejected in together if replayed.add(log, rejected, done)]
            sender.send(waiting, progress or (lambda _: None))
    return replayed


def _together(records: Iterator[Rejected]) -> Iterator[list[Rejected]]:
    while together := list(islice(records, TOGETHER)):
        yield together


def _create(log: RejectedLog, replication_factor: int | None) -> None:
    spec = kafka_topics.TopicSpec(name=log.topics.replayed, partitions=1, cleanup="compact")
    admin = AdminClient({**log.kafka}, logger=silent)
    kafka_topics.ensure(admin, [spec], replication_factor=replication_factor)
