"""Which of the workers on this host a process is: the lowest number that no other process holds.

A worker that is started again finds its number free, and so is to Kafka the member that it was before.
"""

import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from infra.embedded.ports import claim
from schemas.problem import Problem

SLOTS = 1_000
ID_LIMIT = 249
"""The length up to which Kafka's own clients take a `group.instance.id`."""


@contextmanager
def instance_id(group: str, folder: Path | None = None) -> Iterator[str]:
    """`{group}.{host}.{slot}` of a slot that is ours until the end of the `with`, or of the process.

    Raises `Problem` where no lock can be had in `folder`; left out, the host's directory for temporary files.
    """
    folder = folder or Path(tempfile.gettempdir())
    for slot in range(SLOTS):
        lock = FileLock(folder / f"millrace-{group}.{slot}.lock", blocking=False)
        try:
            lock.acquire()
        except (Timeout, PermissionError):  # another worker's, or another user's
            continue
        except OSError as error:
            raise Problem(
                f"no worker can be locked in {folder} ({error.strerror}): set TMPDIR to a local directory"
            ) from error
        try:
            yield named(group, socket.gethostname(), slot)
        finally:
            lock.release()
        return
    raise Problem(f"none of {SLOTS} slots for workers of {group} is free in {folder}: is it writable?")


def kept_port(member: str, folder: Path | None = None) -> int:
    """A free port, the same as the last time where that is free: others know this member by it."""
    kept = (folder or Path(tempfile.gettempdir())) / f"millrace-{member}.port"
    try:
        before = int(kept.read_text())
    except (FileNotFoundError, ValueError):
        before = 0
    port = claim(0, member, before)
    kept.write_text(str(port))
    return port


def named(group: str, host: str, slot: int) -> str:
    """The identity, in the letters that Kafka's clients allow for it.

    >>> named("payments.v1.score", "node 1", 0)
    'payments.v1.score.node_1.0'
    """
    host = re.sub(r"[^a-zA-Z0-9._-]", "_", host)
    return f"{group}.{host[: ID_LIMIT - len(group) - len(str(slot)) - 2]}.{slot}"
