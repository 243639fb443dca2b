"""Every kind of fault: what happens, at which kind of step."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from tests.simulation.faults import Effect, Fault

OWN = ("transactions", "committed", "describe", "bounds", "read ledger", "read state", "read input")
COMMIT = ("begin", "produce output", "produce ledger", "produce state", "offsets", "commit")
STEPS = OWN + COMMIT

CRASHES = [Fault(step, effect) for step in STEPS for effect in (Effect.CRASH_BEFORE, Effect.CRASH_AFTER)]
ANSWERS = [
    Fault("commit", Effect.UNKNOWN_BEFORE),
    Fault("commit", Effect.UNKNOWN_AFTER),
    *(Fault(step, Effect.ABORTABLE) for step in ("produce output", "produce ledger", "offsets", "commit")),
]
THEFTS = [Fault(step, effect) for step in STEPS for effect in (Effect.STOLEN_BEFORE, Effect.STOLEN_AFTER)]
LATE = [Fault("commit", Effect.UNKNOWN_LATE), *(Fault(step, Effect.TIMED_OUT) for step in COMMIT[1:])]
ALONE = [*CRASHES, *ANSWERS, *THEFTS, *LATE]
PAIRED = [*CRASHES, *ANSWERS]

SKIPS = dict.fromkeys((*OWN, "produce state"), (0, 0, 0, 1))
"""How many steps of its kind a fault in a chain lets pass; (0, 1, 2) where there are many of them."""

Pair = tuple[Fault, Fault]


def kind(fault: Fault) -> Fault:
    """The fault without the batch that it strikes."""
    return fault._replace(skip=0)


class Pairs:
    """Chooses chains of faults such that each ordered pair of kinds comes often enough, one right after the other."""

    def __init__(self, kinds: list[Fault], times: int) -> None:
        self._kinds = kinds
        self._left = Counter({(first, second): times for first in kinds for second in kinds})

    @property
    def left(self) -> list[Pair]:
        """Those that have not come often enough."""
        return list(+self._left)

    def chain(self, random: Random, length: int) -> list[Fault]:
        """Faults for one run, as many of whose neighbours as possible are pairs that are left."""
        left = self.left
        chain = list(random.choice(left))
        while len(chain) < length:
            wanted = self._wanted(chain[-1], self._kinds)
            chain += [random.choice(wanted)] if wanted else random.choice(left)
        return _later(random, chain)

    def chain_of(self, random: Random, kinds: list[Fault], length: int) -> list[Fault]:
        """As `chain`, of some of these kinds, each once."""
        rest = random.sample(kinds, len(kinds))
        chain = [rest.pop()]
        while rest and len(chain) < length:
            chain.append(random.choice(self._wanted(chain[-1], rest) or rest))
            rest.remove(chain[-1])
        return _later(random, chain)

    def _wanted(self, last: Fault, kinds: list[Fault]) -> list[Fault]:
        return [each for each in kinds if self._left[last, each] > 0]

    def came(self, fired: Sequence[Fault]) -> None:
        """Count what a run has met."""
        self._left.subtract(pairwise(map(kind, fired)))


def _later(random: Random, chain: list[Fault]) -> list[Fault]:
    """The faults, each at a step of its kind that is drawn."""
    return [fault._replace(skip=random.choice(SKIPS.get(fault.kind, (0, 1, 2)))) for fault in chain]
