"""A state's topic in memory: what is saved goes through the checkpoint's records, compacted, and back."""

from typing import Any

from streams.runtime.checkpoint import Checkpoint
from streams.runtime.manifest import Manifest
from streams.stage import Stage

MANIFEST = Manifest(seq=7, head="ab", epoch=1, positions={"e": 3}, task={}, environment="here", genesis="{}")


class StateTopic:
    """The latest record of each key, as a compaction leaves it; each `restore` is that of another worker."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self._checkpoint = Checkpoint("taps.state")

    def save(self, stage: Stage[Any], state: Any) -> list[str]:
        """Write what has changed; the keys of the records."""
        messages = self._checkpoint.messages(stage.save(state), MANIFEST, 1)
        for message in messages:
            assert message.key is not None
            if message.value is None:
                del self.records[message.key]
            else:
                self.records[message.key] = message.value
        return [message.key.decode() for message in messages if message.key is not None]

    def values(self) -> dict[bytes, bytes]:
        self._checkpoint = Checkpoint("taps.state")
        restored = self._checkpoint.restore(self.records.items())
        assert restored is not None
        return restored.values

    def restore(self, stage: Stage[Any]) -> Any:
        return stage.restore(0, self.values())
