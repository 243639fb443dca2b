"""What an audit of one task's ledger has found, and what of it a person has accepted."""

import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime.ledger import START, signed_by

DIFFERENCES = 100
"""So many are told; the rest is counted."""


class Broken(Problem):
    """The chain of a ledger does not hold."""


@dataclass(slots=True, kw_only=True)
class Audit:
    """What came of it. `chain_only` says why not everything was folded again, where that is so.

    `archived` is the entry with whose state, out of an archive, folding began; None where none was given or of use.
    `accepted` counts the entries by which a person accepted differences, `passed` those differences, which are not
    among the `found`. `gone` are outputs that their topics no longer hold. `key_ids` are of the keys that have signed,
    empty for entries that nobody has; `environments` what has computed, with the first entry that says so. `broken`
    says where the chain stops to hold; it is among the differences too.
    """

    partition: int
    entries: int = 0
    last: int = -1
    refolded: int = 0
    records: int = 0
    outputs: int = 0
    gone: int = 0
    accepted: int = 0
    passed: int = 0
    head: str = START
    key_ids: set[str] = field(default_factory=set)
    environments: dict[str, int] = field(default_factory=dict)
    archived: int | None = None
    chain_only: str | None = None
    broken: str | None = None
    _told: list[tuple[int, str]] = field(default_factory=list)
    _by_entry: Counter[int] = field(default_factory=Counter)

    @property
    def found(self) -> int:
        """How many differences there are."""
        return self._by_entry.total()

    @property
    def differences(self) -> list[str]:
        """The first of them."""
        return [told for _, told in self._told]

    def has(self, seq: int) -> bool:
        """Whether the entry `seq` differs."""
        return self._by_entry[seq] > 0

    def differs(self, told: str, seq: int = -1) -> None:
        """Take down one difference, of the entry `seq`."""
        self._by_entry[seq] += 1
        if len(self._told) < DIFFERENCES:
            self._told.append((seq, told))

    def met(self, entry: Entry) -> None:
        """Count an entry whose place in the chain holds."""
        self.entries, self.last, self.head = self.entries + 1, entry.seq, entry.head
        self.records, self.outputs = self.records + entry.records, self.outputs + entry.outputs
        self.key_ids.add(signed_by(entry.signature) if entry.signature else "")
        self.environments.setdefault(entry.environment, entry.seq)
        if entry.kind == "accepted":
            self.accepted += 1
            seqs = _accepted(entry)
            self.passed += sum(self._by_entry.pop(seq, 0) for seq in seqs)
            self._told = [(seq, told) for seq, told in self._told if seq not in seqs]


def _accepted(entry: Entry) -> set[int]:
    """The entries of which an `accepted` entry says that they fold to something else."""
    note = msgspec.json.decode(entry.note or "{}")
    told = note.get("differences", [])
    seqs = {int(found[1]) for each in told if (found := re.match(r"entry (\d+) ", each)) is not None}
    unlisted = note.get("count", 0) > len(told) and seqs
    return seqs | set(range(max(seqs), entry.seq)) if unlisted else seqs
