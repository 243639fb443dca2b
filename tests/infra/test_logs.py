"""What is logged of a failure: the whole trace of one that nobody has named, one line of a Problem."""

import io
import logging

import pytest
from confluent_kafka.schema_registry.common._httpx_compat import httpx

from infra.logs import CHATTY, FORMAT, without_trace
from schemas.problem import Problem


@pytest.mark.parametrize(("error", "traced"), [(Problem("mend it so"), False), (ValueError("unforeseen"), True)])
def test_a_problem_is_logged_in_one_line(error: Exception, traced: bool) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(without_trace)
    log = logging.Logger("crashing")
    log.addHandler(handler)
    try:
        raise error
    except type(error) as raised:
        log.exception("crashed: %r", raised)

    assert f"ERROR crashed: {error!r}" in stream.getvalue()
    assert ("Traceback" in stream.getvalue()) == traced
    assert stream.getvalue().count("\n") == 1 or traced


def test_the_client_of_the_registry_is_not_heard_asking() -> None:
    assert httpx.__name__ in CHATTY
