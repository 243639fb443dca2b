"""A problem the person at the terminal can cure: one sentence, shown without a traceback."""


class Problem(Exception):
    """What is wrong and what to do about it, in one sentence.

    The command line prints it and exits with status 2; `--debug` shows the traceback as well.

    >>> str(Problem("port 9092 is in use: stop the other server or leave the port out"))
    'port 9092 is in use: stop the other server or leave the port out'
    """
