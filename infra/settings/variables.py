"""Which MILLRACE_ variables are set, which of them nobody reads, and how a wrong one is reported."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.problem import Problem

PREFIX = "MILLRACE_"
ENV_FILE = Path(".env")

READ_ELSEWHERE = frozenset({"MILLRACE_CACHE_DIR"})
"""The cache of the embedded servers' archives is found before, and without, any other setting."""

TEST_PREFIX = "MILLRACE_TEST_"
"""Variables of the test suite: they reach no command."""


def variable(field: str) -> str:
    """The environment variable of a field.

    >>> variable("kafka_bootstrap")
    'MILLRACE_KAFKA_BOOTSTRAP'
    """
    return PREFIX + field.upper()


def names_set() -> set[str]:
    """Every name set in the environment or in `.env` that starts with the prefix, in upper case."""
    return {name.upper() for name in (*os.environ, *_listed()) if name.upper().startswith(PREFIX)}


def alone(name: str) -> str | None:
    """The value of one variable that is `READ_ELSEWHERE`, from the environment or else from `.env`; None where it is
    empty or not set."""
    return os.environ.get(name) or _listed().get(name) or None


def require_readable() -> None:
    """Raise `Problem` where `.env` is there and cannot be read."""
    _listed()


def _listed() -> dict[str, str | None]:
    if not ENV_FILE.is_file():
        return {}
    try:
        return dotenv_values(ENV_FILE, encoding="utf-8")
    except UnicodeDecodeError as error:  # which holds the bytes, secrets and all
        raise Problem(f"{ENV_FILE} is not UTF-8 ({error.reason}, byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise Problem(f"{ENV_FILE} cannot be read ({error.strerror}): check its rights") from error


def refuse_unknown(names: Iterable[str], fields: Iterable[str]) -> None:
    """Raise `Problem` for the first name that no field reads: a misspelt setting would silently do nothing."""
    known = {variable(field) for field in fields} | READ_ELSEWHERE
    unknown = sorted(name for name in names if name not in known and not name.startswith(TEST_PREFIX))
    if unknown:
        nearest = get_close_matches(unknown[0].removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in known], n=1)
        asked = f": did you mean {PREFIX}{nearest[0]}? Rename it or unset it" if nearest else ": unset it"
        raise Problem(f"{unknown[0]} is not a setting{asked}")


def problem_of(wrong: ValidationError) -> Problem:
    """One sentence for all fields that were refused: variables and forms, never the values given."""
    return Problem("; ".join(sentence(error) for error in wrong.errors(include_url=False, include_input=False)))


def sentence(error: ErrorDetails) -> str:
    field = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{variable(field)} is not a setting"
    said = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{variable(field)} {said}"
