"""Bugs, each a protection taken out or a step done wrongly: what the suite must find, or it proves nothing."""

from streams.join import Join
from streams.rows import Rows
from streams.runtime import ledger, recovery, seat
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.codec import Encoder
from streams.runtime.ledger import Chain
from streams.runtime.merge import Input, Merge
from streams.runtime.owned import Owned
from streams.runtime.owner import Owner
from streams.runtime.seat import Seat
from streams.runtime.task import Task
from streams.score import ScoreStage
from streams.score_state import Saving
from tests.simulation.client import Client
from tests.simulation.planting import Plant
from tests.simulation.world import World

BETWEEN = "transactions.commit()\n    transactions.begin()\n    "
ALL = "[slot.record for slot in {0}.slots if slot.record is not None and {1} <= slot.offset < {2}]"

COMMIT = [
    Plant("commit before flush", Owned._send, "in batch.messages:", "in batch.messages[:-1]:"),
    Plant("outputs before their entry", Owned._send, "ledger = self", BETWEEN + "ledger = self"),
    Plant("checkpoint in two transactions", Owned._send, "for message in batch.state", BETWEEN + "for message in batch.state"),
    Plant("offsets outside the transaction", Owned._send, "transactions.send_offsets", BETWEEN + "transactions.send_offsets"),
    Plant("entry not written", Owned._send, "transactions.produce(ledger.message(batch.entry))", "pass"),
    Plant("state not written", Owned._send, "for message in batch.state", "for message in ()"),
    Plant("metadata on one input only", seat.positions, "Mark(end, metadata)", "Mark(end, metadata if topic == min(ends) else '')"),
    Plant("offsets of the batch before", Owned._send, "batch.entry.ends", "batch.entry.starts"),
    Plant("seq reused", Chain.advance, "entry.seq, entry.head", "self.seq, entry.head"),
    Plant("head not moved on", Chain.advance, "entry.seq, entry.head", "entry.seq, self.head"),
    Plant("chain moved on before the commit", Owned._batch, "began_s = self", "_, began_s = self.chain.seq, self"),
]
