"""A record as a consumer gets it, with the methods of confluent_kafka's `Message`."""

from dataclasses import dataclass

from confluent_kafka import KafkaError

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Record:
    """What a consumer gets; an `error` instead of a record at the end of a partition."""

    place: Place
    at: int
    fault: KafkaError | None = None

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.at

    def error(self) -> KafkaError | None:
        return self.fault

    def timestamp(self) -> tuple[int, int]:
        return (1, self.at)

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return b"%d" % self.at

    def headers(self) -> None:
        return None
