"""How a command that goes on for ever is asked to end: by Ctrl-C, by its terminal closing, by whoever started it."""

import signal
from threading import Event


def asked_to_stop() -> Event:
    """Set once one of the signals has come; from now on they end the process no other way.

    One that whoever started it has told it to ignore, as nohup does, stays ignored.
    """
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    return stop
