"""Bugs, each a protection taken out or a step done wrongly: what the suite must find, or it proves nothing."""

from streams.admit import Admission
from streams.join import Join
from streams.keyed_windows import KeyedWindows
from streams.memory import MemorySaving
from streams.runtime import seat
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.codec import Encoder
from streams.runtime.ledger import Chain
from streams.runtime.merge import Merge
from streams.runtime.owned import Owned
from streams.runtime.owner import Owner
from streams.runtime.seat import Seat
from streams.runtime.task import Task
from streams.score_state import Saving
from tests.simulation.arrivals import Arrivals
from tests.simulation.client import Client
from tests.simulation.planting import Plant
from tests.streams.builders import EVENTS

ANEW = "transactions.commit()\n    transactions.begin()\n    "
OUTPUTS, STATE = "for message in batch.messages:", "for message in batch.state"
POSITIONS = "transactions.send_offsets(positions(batch.entry.ends, told))"
COMMITTED = "found.read(at, until)"
UNCOMMITTED = "[each.record for each in {0}.slots if each.record and {1} <= each.offset < {2}]"
UNSTABLE = UNCOMMITTED.format("found", "at", "until")

COMMIT = [
    Plant("commit before flush", Owned._send, "in batch.messages:", "in batch.messages[:-1]:"),
    Plant("outputs before their entry", Owned._send, "ledger = self", f"{ANEW}ledger = self"),
    Plant("checkpoint in two transactions", Owned._send, STATE, f"{ANEW}{STATE}"),
    Plant(
        "offsets outside the transaction", Owned._send, "transactions.send_offsets", f"{ANEW}transactions.send_offsets"
    ),
    Plant("offsets before the outputs", Owned._send, OUTPUTS, f"{POSITIONS}\n    {ANEW}{OUTPUTS}"),
    Plant("offsets of the batch before", Owned._send, "batch.entry.ends", "batch.entry.starts"),
    Plant("metadata on one input only", seat.positions, "(end, metadata)", "(end, metadata * (topic == min(ends)))"),
    Plant("entry not written", Owned._send, "transactions.produce(ledger.message(batch.entry))", "pass"),
    Plant("state not written", Owned._send, STATE, "for message in ()"),
    Plant("seq reused", Chain.next, "entry.seq, entry.head", "self.seq, entry.head"),
    Plant("head not moved on", Chain.next, "entry.seq, entry.head", "entry.seq, self.head"),
    Plant("tail read from behind the entry", Owned._after, "ledger_bounds()[1]", "ledger_bounds()[1] + 1"),
    Plant("state of the entry before claimed", Owned._after, "entry.seq, self.seat", "entry.seq - 1, self.seat"),
]

ANSWERS = [
    Plant("resend after unknown without looking", Owned._took, "return head ==", "return False and head =="),
    Plant("unknown taken for committed", Owned._took, "return head ==", "return True or head =="),
    Plant("batch dropped after an abort", Owned._took, "return False", "return True"),
    Plant("no abort before sending again", Owned._took, "self.transactions.abort()", "pass"),
    Plant(
        "quiet drop when fenced", Owned.commit, "except (Ab", "except Fenced:\n            return\n        except (Ab"
    ),
    Plant(
        "made anew instead of sent again",
        Owned.commit,
        "continue",
        "batch = self._batch(self.task.nothing(), batch.messages, checkpoint=False); continue",
    ),
    Plant("committed by another taken for ours", Owned._took, "raise Fenced(", "return bool("),
]

OWNING = [
    Plant("genesis not written", Owner._begin, "owned.begin(Work", "(Work"),
    Plant("no fencing", Seat.transactions, "{self.partition}", "{id(self)}"),
    Plant("epoch not raised", Owner._own, "last.epoch + 1", "last.epoch"),
    Plant("warm task without comparing heads", Owned.stands_at, "== (told.seq, told.head)", "!= ()"),
    Plant("taken over taken for damage", Owner._settle, "seat.marks() == marks", "True"),
    Plant("ends of inputs taken from the ledger", Owner._restore, "owned.task.merge.rewind()", "pass"),
    Plant("nothing folded again", Owner._restore, "self._fold_again(owned, entries[1:])", "[]"),
    Plant(
        "state without what followed it",
        Owner._restore,
        "Task(binding, partition, first.ends)",
        "Task(binding, partition, entries[-1].ends)",
    ),
    Plant("state not restored", Owner._restore, "resume(owned.task, saved)", "pass"),
]

STATES = [
    Plant("tombstone ignored", Checkpoint.restore, "latest.pop(key, None)", "pass"),
    Plant("tombstone not written", Checkpoint._gone, "for n in range(count_of(before))", "for n in ()"),
    Plant("merge point not saved", Task.restore, "self.merge.restore(state.merge)", "pass"),
    Plant("a changed key not saved", KeyedWindows.save, "save(state.changed,", "save(list(state.changed)[1:],"),
    Plant(
        "held labels not saved",
        MemorySaving.save,
        "self._join.save(state.join)",
        "(each for each in self._join.save(state.join) if not each[0].startswith(b'h/'))",
    ),
    Plant("windows not saved", MemorySaving.save, "self._windows.save(state.windows)", "()"),
    Plant(
        "model of the start saved",
        Saving.restore,
        "self._pickled.read(values[MODEL])",
        "self._pickled.read(values[MODEL]).clone()",
    ),
    Plant("watermark not restored", Saving.restore, "watermark_ms=numbers.watermark_ms", "watermark_ms=0"),
    *(
        Plant(f"{what} read uncommitted", Client.read, COMMITTED, f"{COMMITTED} if {topic!r} != topic else {UNSTABLE}")
        for what, topic in (("ledger", "taps.v1.score.ledger"), ("state", "taps.v1.score.state"), ("input", EVENTS))
    ),
    Plant(
        "input fetched uncommitted",
        Arrivals.cut,
        "partition.read(start, end)",
        UNCOMMITTED.format("partition", "start", "end"),
    ),
]

ORDER = [
    Plant(
        "running maximum forgotten", Merge._pass, "first.high_ms = at_ms", "first.high_ms = first.records[0].timestamp"
    ),
    Plant("gap accepted", Merge.deliver, "if run.start != buffered.fetched:", "if run.start < buffered.fetched:"),
    Plant("merge by topic name", Merge.__init__, "Input(topic, rank, position)", "Input(topic, -rank, position)"),
    Plant("merge by arrival", Merge.take, "self.ready", "any(each.records for each in self.inputs.values())"),
    Plant("position at the record", Merge._pass, "offset + 1", "offset"),
]

FOLD = [
    Plant(
        "reject dropped",
        Encoder.encode,
        "messages.append(self._rejected(each, raw) if isinstance(each, Refused) else self._moved(each, raw))",
        "pass",
    ),
    Plant("label applied twice", Join._meet, "state.rows.settle(row, truth.value)", "pass"),
    Plant("event scored twice", Admission.admit, "self._join.seen(state.join, facts.id)", "False"),
    Plant("label of the future forgotten", Join._hold, "state.held[event_id] = truth", "pass"),
]

PLANTS = [*COMMIT, *ANSWERS, *OWNING, *STATES, *ORDER, *FOLD]
