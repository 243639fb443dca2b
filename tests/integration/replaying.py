"""`python replaying.py FILE.py:name N`: replay every reject, and be killed while the Nth is on its way. A child."""

import os
import signal
import sys
import time

from infra.rejected.log import open_log
from infra.rejected.record import Rejected
from infra.rejected.replay import replay
from infra.rejected.selection import Selection
from infra.settings import Settings
from streams.load import load

SENT_S = 0.2
"""Until then the client has sent what it was given, so that the broker holds an open transaction."""


def main(target: str, last: int) -> None:
    left = last

    def count(_: Rejected) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            time.sleep(SENT_S)
            os.kill(os.getpid(), signal.SIGKILL)

    replay(open_log(load(target), Settings()), Selection(), progress=count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
