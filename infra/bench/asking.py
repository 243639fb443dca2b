"""Asks a worker about payments at a steady rate, each request at its time however slow the one before was."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from aiohttp import ClientError, ClientSession, ClientTimeout

TIMEOUT_S = 10.0
NO_ANSWER = 0
"""In place of a status."""

MS_PER_S = 1_000


@dataclass(slots=True)
class Asked:
    """How each request was answered, and how long after its time, in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)

    def quantile_ms(self, share: float) -> float:
        """The time within which this share was answered. What was sent late counts from when it was due."""
        return float(np.quantile(self.took_s, share)) * MS_PER_S


async def asking(url: str, rate_per_s: int, seconds: float, body: Callable[[int], bytes]) -> Asked:
    """Ask about `body(n)` for n = 0, 1, …, `rate_per_s` times a second."""
    asked, waiting = Asked(), set[asyncio.Task[None]]()
    async with ClientSession(timeout=ClientTimeout(total=TIMEOUT_S)) as session:
        begun_s = time.monotonic()
        for n in range(int(seconds * rate_per_s)):
            due_s = begun_s + n / rate_per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            task = asyncio.create_task(_ask(session, url, body(n), due_s, asked))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
    return asked


async def _ask(session: ClientSession, url: str, body: bytes, due_s: float, asked: Asked) -> None:
    try:
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            await answer.read()
            status = answer.status
    except (ClientError, TimeoutError):
        status = NO_ANSWER
    asked.statuses[status] += 1
    asked.took_s.append(time.monotonic() - due_s)
