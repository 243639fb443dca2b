"""The chain of a task's ledger: each entry is sealed over the one before; none can be cut, changed or forged."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from schemas.decode import Decode
from schemas.ledger import Entry, Kind
from schemas.problem import Problem
from schemas.reject import Reject
from streams.runtime.codec import Message

START = "0" * 64
"""What stands before the first entry."""

_SEAL = {"head", "signature"}
_canonical = msgspec.msgpack.Encoder(order="deterministic").encode


def hash_of(messages: Sequence[Message]) -> str:
    """SHA-256 of topic, key, value, timestamp and headers of each message, in order, as hex."""
    return hashlib.sha256(_canonical([message[:5] for message in messages])).hexdigest()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs heads with a key, so that nobody without it can write an entry. Its key's id is public.

    What one of the `former` keys (newest first) has signed holds too: a ledger goes on when its key is changed.
    """

    key: bytes
    former: tuple[bytes, ...] = ()

    @property
    def key_id(self) -> str:
        return _key_id(self.key)

    def sign(self, head: str) -> str:
        """Key id and HMAC-SHA256 of `head`."""
        return _signature(self.key, head)

    def signed(self, head: str, signature: str) -> bool:
        """Whether one of these keys has signed `head`."""
        return any(hmac.compare_digest(signature.encode(), _signature(key, head).encode()) for key in self._keys)

    def older(self, signature: str, before: str) -> bool:
        """Whether of two that are `signed` the first is by an older key: a key that was given up signs no more."""
        ids = [_key_id(key) for key in self._keys]
        return ids.index(signed_by(signature)) > ids.index(signed_by(before))

    def claimed(self, signature: str | None) -> str:
        """In words, what key's id is on what is not `signed`. Ids are public: ours proves nothing."""
        if not signature:
            return "by nobody"
        key_id = signed_by(signature)
        known = any(_key_id(key) == key_id for key in self._keys)
        return f"under the id of key {key_id} by somebody without it" if known else f"by key {key_id}"

    @property
    def _keys(self) -> tuple[bytes, ...]:
        return (self.key, *self.former)


def signed_by(signature: str) -> str:
    """The id of the key in a signature.

    >>> signed_by("5972e5f7:0c3a")
    '5972e5f7'
    """
    return signature.partition(":")[0]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"id" + key).hexdigest()[:8]


def _signature(key: bytes, head: str) -> str:
    return f"{_key_id(key)}:{hmac.new(key, head.encode(), hashlib.sha256).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What every entry of one task repeats."""

    pipeline: str
    version: int
    stage: str
    partition: int
    environment: str

    def __str__(self) -> str:
        return f"{self.pipeline}.v{self.version}.{self.stage}, partition {self.partition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one batch did: its ranges, and what came of them."""

    starts: Mapping[str, int]
    ends: Mapping[str, int]
    records: int = 0
    roles: Mapping[str, int] = field(default_factory=dict)
    held: int = 0
    disordered: int = 0
    counts: Mapping[str, int]
    event_time_ms: int = 0
    model_id: str | None = None
    outputs: int = 0
    output_hash: str = hash_of(())


class LedgerTopic(NamedTuple):
    """Where the entries of a stage stand, and how they are written."""

    topic: str
    encode: Callable[[Mapping[str, Any]], bytes]
    decode: Decode

    def message(self, entry: Entry) -> Message:
        """`entry` for its topic; its partition is its key. Its Kafka time is when it was committed."""
        return Message(self.topic, str(entry.partition).encode(), self.encode(entry.__dict__), 0, [])

    def entry(self, value: bytes | None) -> Entry:
        """The entry that stands in the log. Raises `Problem` where its bytes are none."""
        try:
            return Entry.trusted(**self.decode(value))
        except Reject as reject:
            raise Problem(
                f"{self.topic} holds a record that is no entry: {reject.message}. Where nobody else wrote to it, this "
                "is not the registry that it was written with: set MILLRACE_SCHEMA_REGISTRY_URL to that one"
            ) from reject


class Chain:
    """The end of one task's ledger, committed or about to be: what the next entry follows on."""

    def __init__(self, named: Named, signer: Signer | None, last: Entry | None = None, *, epoch: int = 0) -> None:
        self.named = named
        self.signer = signer
        self.epoch = epoch
        self.seq = -1 if last is None else last.seq
        self.head = START if last is None else last.head
        self.ends: dict[str, int] = {} if last is None else last.ends

    def next(self, work: Work, *, kind: Kind = "batch", checkpoint: bool = False, note: str | None = None) -> Entry:
        """The entry that says so, sealed; the one after it follows on it."""
        named = self.named
        body: dict[str, Any] = {
            "pipeline": named.pipeline,
            "version": named.version,
            "stage": named.stage,
            "partition": named.partition,
            "epoch": self.epoch,
            "seq": self.seq + 1,
            "kind": kind,
            "starts": dict(work.starts),
            "ends": dict(work.ends),
            "records": work.records,
            "roles": dict(work.roles),
            "held": work.held,
            "disordered": work.disordered,
            "counts": dict(work.counts),
            "event_time_ms": work.event_time_ms,
            "model_id": work.model_id,
            "outputs": work.outputs,
            "output_hash": work.output_hash,
            "checkpoint": checkpoint,
            "environment": named.environment,
            "note": note,
            "previous": self.head,
        }
        head = _head(body)
        entry = Entry.trusted(**body, head=head, signature=self.signer.sign(head) if self.signer else None)
        self.seq, self.head, self.ends = entry.seq, entry.head, entry.ends
        return entry


def check(entry: Entry, before: Entry | None, signer: Signer | None) -> None:
    """Raise `Problem` where `entry` is not what was written, does not follow on `before`, or is not signed by us."""
    what = f"entry {entry.seq} of the ledger of {entry.pipeline}.v{entry.version}.{entry.stage}/{entry.partition}"
    if _head({name: value for name, value in entry.__dict__.items() if name not in _SEAL}) != entry.head:
        raise Problem(f"{what} was changed after it was written: its hash is not {entry.head[:12]}… as it says")
    if signer is not None:
        _require_signed(what, entry, before, signer)
    if before is None:
        return
    if entry.seq != before.seq + 1:
        raise Problem(f"{what} comes after entry {before.seq}: what stood between them was cut out")
    if entry.previous != before.head:
        raise Problem(f"{what} follows on {entry.previous[:12]}…, but entry {before.seq} is {before.head[:12]}…")
    if entry.starts != before.ends:
        raise Problem(f"{what} begins at {_told(entry.starts)}, where entry {before.seq} ends at {_told(before.ends)}")


def _require_signed(what: str, entry: Entry, before: Entry | None, signer: Signer) -> None:
    signature = entry.signature or ""
    if not signer.signed(entry.head, signature):
        by = signer.claimed(signature)
        raise Problem(f"{what} is not signed by our key {signer.key_id}, but {by}: it may be forged")
    if before is not None and signer.older(signature, before.signature or ""):
        key_id = signed_by(signature)
        raise Problem(f"{what} is signed by key {key_id}, the one before it by a newer one: it may be forged")


def _head(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _told(positions: Mapping[str, int]) -> str:
    return ", ".join(f"{topic}@{offset}" for topic, offset in sorted(positions.items()))
