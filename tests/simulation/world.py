"""One task on the log in memory, driven to the end of its inputs by one worker after the other. One seed, one trace."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from schemas.problem import Outage
from streams.runtime.audit import Auditor
from streams.runtime.owned import Batch, Owned
from streams.runtime.owner import Owner
from streams.runtime.ports import Fenced
from tests.simulation.arrivals import Arrivals
from tests.simulation.calm import expected, probe
from tests.simulation.checks import Watcher, require
from tests.simulation.client import Client
from tests.simulation.faults import Crash, Fault, Plan, Step
from tests.simulation.inputs import BINDING, preload

LIVES = 30
"""Workers that one run takes at most: more, and it comes to no end."""

logging.getLogger("streams.runtime").setLevel(logging.ERROR)


class Outcome(NamedTuple):
    """What happened in a run that kept every promise."""

    fired: list[Fault]
    trace: list[Step]
    lives: int
    refolded: int
    fenced: int


@dataclass(eq=False)
class Clock:
    """Seconds, as the world says."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


class Zombie(NamedTuple):
    """A worker that was given up and still lives, with the batch that it is about to commit."""

    owned: Owned
    batch: Batch | None


class World:
    """Everything around one task. What befalls it without faults is drawn by the seed alone."""

    def __init__(self, seed: int, faults: Sequence[Fault] = (), *, live: bool = False) -> None:
        self.expected = expected(seed)
        self.log = preload(seed)
        self.random = Random(f"moves {seed}")
        self.plan = Plan(faults)
        self.plan.steal = self._steal
        self.clock = Clock()
        self.watcher = Watcher(self.log, None if live else self.expected)
        self.arrivals = Arrivals(self.log, self.random, live=live)
        self.log.committed = self.watcher.committed
        self.parked: Owned | None = None
        self.zombies: list[Zombie] = []
        self.refolded = self.fenced = self.lives = self.batches = self.stolen = 0
        self.kill_after = self.random.randint(2, 6)

    @property
    def client(self) -> Client:
        return Client(self.log, self.plan, chunk=7)

    def run(self, *, audit: bool = True) -> Outcome:
        """Own and fold until everything is folded. Raises `Broken` where a promise is not kept."""
        while (owned := self._live()) is None:
            require(self.lives < LIVES, f"{LIVES} workers came to no end")
        self.plan.active = False
        if self.zombies:
            owned = self.own()
        self.watcher.finish()
        if not self.arrivals.live:
            self._probe(owned)
        if audit:
            found = Auditor(binding=BINDING, kafka=self.client).audit(0)
            require(found.chain_only is None and not found.differences, f"an audit finds {found.differences}")
        return Outcome(self.plan.fired, self.plan.trace, self.lives, self.refolded, self.fenced)

    def _live(self) -> Owned | None:
        """One worker's life; the task, where it came to the end of everything."""
        self.lives += 1
        try:
            return self._drain(self.own())
        except Crash:
            self.plan.dead, self.parked = False, None
        except Outage:
            self.parked = None
        except Fenced:
            self.fenced += 1
        return None

    def own(self) -> Owned:
        """Take the partition, with the task that was parked where there is one."""
        parked, self.parked = self.parked, None
        stolen = self.stolen
        owned = Owner(binding=BINDING, kafka=self.client, clock=self.clock).own(0, parked)
        if owned is not parked:
            self.refolded += owned.refolded
        if self.stolen == stolen:
            self._stands(owned, warm=owned is parked)
            self._haunt()
        return owned

    def _stands(self, owned: Owned, *, warm: bool) -> None:
        last, chain = self.watcher.last, owned.chain
        require(last is not None, "a task was taken without a ledger")
        assert last is not None
        require((chain.seq, chain.head) == (last.seq, last.head), f"a task was taken that stands at {chain.seq}")
        between = [self.log.partition(topic).read(last.ends[topic], at) for topic, at in owned.task.positions.items()]
        behind = any(at < last.ends[topic] for topic, at in owned.task.positions.items())
        require(not behind and not any(between), f"it goes on at {owned.task.positions}, not at {last.ends}")
        require(warm or last.kind == "genesis" or chain.epoch == last.epoch + 1, f"its epoch {chain.epoch} is not new")

    def _drain(self, owned: Owned) -> Owned | None:
        """Fold batch by batch to the end; None where this worker has let go of the partition before."""
        folded = True
        while folded or not self.arrivals.at_end(owned):
            self.arrivals.arrive()
            self.arrivals.feed(owned)
            self.parked = owned  # who is fenced meanwhile keeps what it has, and tries again
            folded = self._advance(owned)
            self.parked = None
            if folded and self._befalls(owned):
                return None
        if self.random.random() < 0.5:
            owned.save()
        if self.random.random() < 0.5:
            owned.close()
            return self.own()
        return owned

    def _advance(self, owned: Owned) -> bool:
        """Fold and commit; now and then a second batch is folded before the first is committed."""
        first = owned.fold()
        if first is None:
            return False
        ahead = None
        if self.random.random() < 0.3:
            self.arrivals.feed(owned)
            ahead = owned.fold()
        owned.commit(first)
        if ahead is not None:
            owned.commit(ahead)
        return True

    def _befalls(self, owned: Owned) -> bool:
        """What happens after a commit, and whether this worker lets go of the partition."""
        self.batches += 1
        self.clock.now_s += self.random.uniform(0.2, 0.8)
        chance = self.random.random()
        if chance > 0.85:
            self.log.partition(BINDING.state_topic).compact()
        if self.batches == self.kill_after:
            return True
        if chance > 0.15:
            return False
        if chance < 0.03:
            owned.save()
        else:
            self.parked = owned
        owned.close()
        if 0.07 < chance < 0.11:
            self._steal()
        return True

    def _steal(self) -> None:
        """Another worker takes the partition, folds up to two batches, and lives on with one more in its hands."""
        parked, self.parked = self.parked, None
        self.stolen += 1
        try:
            thief = self.own()
            for _ in range(self.random.randint(0, 2)):
                self.arrivals.feed(thief)
                thief.advance()
            self.arrivals.feed(thief)
            self.zombies.append(Zombie(thief, thief.fold()))
        except Crash:
            self.plan.dead = False
        except Fenced:
            self.fenced += 1
        self.parked = parked

    def _haunt(self) -> None:
        """Who was given up commits what it has in its hands, and must be told that the task is not its own."""
        zombies, self.zombies = self.zombies, []
        active, self.plan.active = self.plan.active, False
        for owned, batch in zombies:
            try:
                owned.transactions.begin() if batch is None else owned.commit(batch)
            except Fenced:
                continue
            require(False, "a worker that was given up was not told")
        self.plan.active = active

    def _probe(self, owned: Owned) -> None:
        """Further events get the scores that they get in a calm run."""
        for topic in BINDING.topics:
            owned.deliver(self.arrivals.some(topic, owned.task.merge.inputs[topic].fetched))
        owned.deliver(probe(self.log))
        group = owned.task.step()
        require(group is not None and list(group.messages) == self.expected.probe, "later scores are others")


def run(seed: int, faults: Sequence[Fault] = (), *, audit: bool = True, live: bool = False) -> Outcome:
    """One run. Raises `Broken` where a promise is not kept, and whatever stops a worker that should go on.

    All inputs are there before it begins; in a `live` one they come while it runs.
    """
    return World(seed, faults, live=live).run(audit=audit or live)
