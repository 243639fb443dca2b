"""What the processes that run for long log: a line each, with a trace only where it is no fault of the user's."""

import faulthandler
import logging
import sys

from schemas.problem import Problem

FORMAT = "%(asctime)s %(levelname)s %(message)s"
CHATTY = ("httpx", "httpx2")
"""The registry's client asks through one of these, which says each question."""


def log_to_stderr() -> None:
    """Log from INFO on. A `Problem` says what is wrong in a sentence, so where it came from in the code is left out.

    A crash inside a library written in C says where it was.
    """
    faulthandler.enable(sys.__stderr__ or sys.stderr)
    handler = logging.StreamHandler()
    handler.addFilter(without_trace)
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def without_trace(record: logging.LogRecord) -> bool:
    """Take the traceback of a `Problem` out of the record, which is logged in any case."""
    if record.exc_info and isinstance(record.exc_info[1], Problem):
        record.exc_info = record.exc_text = None
    return True
