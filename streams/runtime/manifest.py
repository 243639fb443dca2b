"""What is saved beside a state: where its task stood, what its values add up to, and in which layout they are."""

from typing import Any, NamedTuple

import msgspec

LAYOUT = 2
"""The shape of all that is saved: keys and values of every stage, what a task carries beside them, the manifest.

To be raised with every change of what `Stage.save`, `Task.saved` or `Manifest` write, so that code of another layout
refuses a state by name instead of reading something else into it. 0 is what was saved before there were layouts.
"""

MANIFEST = b"manifest"
CURE = (
    "bring the topic's records back from a copy; or stop the workers, delete the topic and run `millrace repair`, so "
    "that the states of all its partitions are folded again from the log"
)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stood when its state was saved, and what its values add up to.

    `task` is what the task carries beside its stage's state (how far the merge has come, rejects in a row), plain JSON.
    `layout`, `values` and `checksum` are filled in by `Checkpoint`.
    """

    seq: int
    head: str
    epoch: int
    positions: dict[str, int]
    task: dict[str, Any]
    environment: str
    genesis: str
    layout: int = 0
    values: int = 0
    checksum: int = 0


class Laid(msgspec.Struct, frozen=True):
    """What a manifest of any layout says."""

    layout: int = 0


read_layout = msgspec.json.Decoder(Laid).decode
read_manifest = msgspec.json.Decoder(Manifest).decode


class Restored(NamedTuple):
    """What was saved last: `values` is what `Stage.restore` takes. `topic` and `cure` are those of its `Checkpoint`."""

    manifest: Manifest
    values: dict[bytes, bytes]
    topic: str
    cure: str
