"""A saved state outside of Kafka: sealed bytes of one task, from which its ledger can be folded again when inputs went.

Two lines and a body: format; SHA-256 of format and body, with its signature; the records of the saved state, as they
stand on its topic after a compaction.
"""

import hashlib
import re
from typing import NamedTuple

import msgspec

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.ledger import Signer, signed_by
from streams.runtime.manifest import Restored
from streams.runtime.task import Binding

FORMAT = 1
CURE = "take an archive that this version of Millrace has written, or run the version that wrote this one"
_FORMAT = b"millrace archive "
_UNSIGNED = "-"
_SIGNATURE = re.compile(f"{_UNSIGNED}|[0-9a-f]{{8}}:[0-9a-f]{{64}}")


class Archive(NamedTuple):
    """What was read from the file `name`; the id of the key that it is signed by, None where it is by nobody."""

    name: str
    saved: Restored
    key_id: str | None

    @property
    def seq(self) -> int:
        """The entry whose state it is."""
        return self.saved.manifest.seq


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Whose state it is, and the records that hold it, the manifest among them."""

    pipeline: str
    version: int
    stage: str
    partition: int
    records: list[tuple[bytes, bytes]]

    def __str__(self) -> str:
        return f"{self.pipeline}.v{self.version}.{self.stage}, partition {self.partition}"


_write = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Body).decode


def sealed(binding: Binding, partition: int, saved: Restored, signer: Signer | None) -> bytes:
    """The archive of `saved`, signed where there is a key."""
    messages = Checkpoint(saved.topic).messages(saved.values.items(), saved.manifest, timestamp_ms=0)
    records = [(each.key or b"", each.value or b"") for each in messages]
    body = _write(_body(binding, partition, records))
    first = _FORMAT + b"%d" % FORMAT
    digest = _digest(first, body)
    signature = signer.sign(digest) if signer is not None else _UNSIGNED
    return b"\n".join((first, f"{digest} {signature}".encode(), body))


def unsealed(written: bytes, name: str, binding: Binding, partition: int, signer: Signer | None) -> Archive:
    """What `sealed` has written, from the file `name`; values are bytes still.

    Raises `Problem` where it is none, was changed, is another task's, or is not signed by our key.
    """
    first, _, rest = written.partition(b"\n")
    if not first.startswith(_FORMAT):
        raise Problem(f"{name} is no archive: `millrace archive` writes them")
    if first != _FORMAT + b"%d" % FORMAT:
        found = first.removeprefix(_FORMAT).decode(errors="replace")
        raise Problem(f"{name} is an archive of format {found}, this version of Millrace reads {FORMAT}: {CURE}")
    seal, _, body = rest.partition(b"\n")
    digest, _, signature = seal.decode(errors="replace").partition(" ")
    if digest != _digest(first, body) or not _SIGNATURE.fullmatch(signature):
        raise Problem(f"the archive {name} was changed after it was written: bring it back from a copy")
    _require_signed(name, digest, signature, signer)
    return Archive(name, _restored(body, name, binding, partition), _key_id(signature))


def require_begun(archive: Archive, first: Entry) -> None:
    """Raise `Problem` unless `archive` is of the run that began with `first`."""
    if first.seq == 0 and first.note != archive.saved.manifest.genesis:
        raise Problem(
            f"the archive {archive.name} is of a run that began otherwise than this ledger: take one of its own"
        )


def require_of(archive: Archive, entry: Entry | None) -> None:
    """Raise `Problem` unless `archive` is the state of `entry`; None where the ledger begins behind it."""
    manifest, seq = archive.saved.manifest, archive.seq
    if entry is None:
        raise Problem(
            f"the archive {archive.name} is of entry {seq}, and the ledger begins behind that: it was cut off"
        )
    pairs = {
        "head": (manifest.head, entry.head),
        "epoch": (manifest.epoch, entry.epoch),
        "positions": (manifest.positions, entry.ends),
        "environment": (manifest.environment, entry.environment),
    }
    for what, (then, now) in pairs.items():
        if then != now:
            raise Problem(
                f"the archive {archive.name} is of entry {seq} with {what} {then}, in the ledger that is {now}: it is "
                f"of another ledger, or one of the two was changed"
            )
    if not entry.checkpoint:
        raise Problem(f"the archive {archive.name} is of entry {seq}, which says that no state was saved with it")


def _require_signed(name: str, digest: str, signature: str, signer: Signer | None) -> None:
    if signer is None or signer.signed(digest, signature):
        return
    by = signer.claimed(signature if signature != _UNSIGNED else None)
    raise Problem(f"the archive {name} is not signed by our key {signer.key_id}, but {by}: it may be forged")


def _restored(body: bytes, name: str, binding: Binding, partition: int) -> Restored:
    try:
        found = _read(body)
    except msgspec.DecodeError as error:
        raise Problem(f"the archive {name} cannot be read ({error}): {CURE}") from error
    ours = _body(binding, partition, found.records)
    if str(found) != str(ours):
        raise Problem(f"the archive {name} is of {found}, not of {ours}")
    saved = Checkpoint(name, cure=CURE).restore(found.records)
    if saved is None:
        raise Problem(f"the archive {name} holds no state: {CURE}")
    return saved


def _body(binding: Binding, partition: int, records: list[tuple[bytes, bytes]]) -> Body:
    return Body(
        pipeline=binding.pipeline,
        version=binding.version,
        stage=binding.stage.name,
        partition=partition,
        records=records,
    )


def _digest(first: bytes, body: bytes) -> str:
    digest = hashlib.sha256(first)
    digest.update(b"\n")
    digest.update(body)
    return digest.hexdigest()


def _key_id(signature: str) -> str | None:
    return signed_by(signature) if signature != _UNSIGNED else None
