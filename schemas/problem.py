"""A problem the person at the terminal can cure: one sentence, shown without a traceback."""

from typing import ClassVar


class Problem(Exception):
    """What is wrong and what to do about it, in one sentence.

    The command line prints it and exits with its `status`; `--debug` shows the traceback as well.

    >>> str(Problem("port 9092 is in use: stop the other server or leave the port out"))
    'port 9092 is in use: stop the other server or leave the port out'
    """

    status: ClassVar[int] = 2


class Outage(Problem):
    """A problem that may be gone when the same is tried again, as where a server does not answer.

    Its status is that of a temporary failure (EX_TEMPFAIL of sysexits.h), which a supervisor starts again on.
    """

    status: ClassVar[int] = 75
