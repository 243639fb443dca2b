"""One request carried out on the engine, from who asks to what is answered. It blocks: call it from a thread."""

import hmac
import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from .answer import STREAMED, Answer, Headers, encoded
from .codec import Decoder, Encoder
from .engine import Engine
from .errors import Refusal
from .insert import Rows, create_external, insert
from .request import Request
from .result import Result
from .session import Session, quote_name
from .statement import Insert, Statement

_HEAD_BYTES = 1 << 20
_FOOTED = re.compile(rb"totals|extremes", re.IGNORECASE)  # whose rows chDB leaves out of an answer in blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The one user that may ask; an empty password admits any."""

    user: str = "default"
    password: str = ""

    def check(self, request: Request) -> None:
        """Raise Refusal 516 if the request's name or password is not ours."""
        known = hmac.compare_digest(request.user.encode(), self.user.encode())
        if not known or (self.password and not hmac.compare_digest(request.password.encode(), self.password.encode())):
            reason = "Authentication failed: password is incorrect, or there is no user with such name"
            raise Refusal(516, "AUTHENTICATION_FAILED", f"{request.user}: {reason}.")


def execute(engine: Engine, account: Account, request: Request) -> Answer:
    """Carry out a request. Raises Refusal as long as nothing of the answer is made."""
    account.check(request)
    body = Decoder(request.body, request.encoding)
    head = request.query + (b"\n" if request.query else b"") + body.read(_HEAD_BYTES)
    into = Insert.find(head.decode("latin-1"))
    with ExitStack() as stack:
        session = stack.enter_context(_prepared(engine, request))
        if into is not None:
            _check_not_get(request)
            rows = Rows(head[into.data_at :], body)
            result = insert(engine, session, into, rows, request.bindings)
            return _whole(engine, request, result.body, "", result.summary())
        sql = head + body.read()
        statement = Statement(sql.decode("latin-1"))
        _check(request, statement)
        chosen = statement.output_format or request.default_format
        if _is_streamed(request, statement, sql, chosen):
            blocks = session.stream(sql, chosen, request.bindings)
            first = list(itertools.islice(blocks, 2))  # an error until here is an ordinary answer
            if len(first) < 2:
                only = first[0] if first else Result.empty()
                return _whole(engine, request, only.body, chosen, only.summary())
            return _streamed(engine, request, chosen, _held(first, blocks, stack.pop_all()))
        result = session.run(sql, chosen, request.bindings)
        session.remember(statement)
        return _whole(engine, request, result.body, chosen if result.body or statement.reads else "", result.summary())


@contextmanager
def _prepared(engine: Engine, request: Request) -> Iterator[Session]:
    """A session with the request's database, settings and, for as long as the request lasts, external tables."""
    with engine.session(request.session) as session:
        session.apply(request.database, request.settings)
        try:
            for table in request.external:
                create_external(engine, session, table)
            yield session
        finally:
            for table in request.external:
                session.run(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}")


def _check(request: Request, statement: Statement) -> None:
    if not statement.word:
        raise Refusal(62, "SYNTAX_ERROR", "Empty query.")
    if statement.is_several:
        raise Refusal(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed).")
    if statement.makes_table_with("Kafka"):
        reason = "chDB could never open the directory again. Let Millrace's sink bring the rows of a topic"
        raise Refusal(344, "SUPPORT_IS_DISABLED", f"The table engine Kafka is refused: {reason}.")
    if statement.names_file:
        reason = "a request sends its rows and is sent them; it opens no files where the server runs"
        raise Refusal(344, "SUPPORT_IS_DISABLED", f"INTO OUTFILE, FROM INFILE and file() are refused: {reason}.")
    if not (statement.reads or statement.word in {"SET", "USE"}):
        _check_not_get(request)


def _check_not_get(request: Request) -> None:
    if request.reads_only:
        cure = "You should use method POST for modifying queries"
        reason = f"For queries over HTTP, method GET implies readonly. {cure}"
        raise Refusal(164, "READONLY", f"Cannot execute query in readonly mode. {reason}.")


def _is_streamed(request: Request, statement: Statement, sql: bytes, chosen: str) -> bool:
    plain = statement.word in {"SELECT", "WITH"} and statement.reads and not _FOOTED.search(sql)
    return plain and chosen in STREAMED and not request.is_answered_whole and request.settings.get("extremes") != "1"


def _held(first: list[Result], blocks: Iterator[Result], stack: ExitStack) -> Iterator[bytes]:
    """All the blocks; the session is given back after the last, or when the iterator is closed."""
    with stack:
        for block in itertools.chain(first, blocks):
            yield block.body


def _whole(engine: Engine, request: Request, body: bytes, chosen: str, summary: str) -> Answer:
    encoder = Encoder.accepted(request.accept_encoding if body else "")
    headers = Headers(version=engine.version, timezone=engine.timezone)
    sent = headers.of(request.query_id, chosen, encoder) | {"X-ClickHouse-Summary": summary}
    return Answer(headers=sent, body=encoder.add(body) + encoder.finish())


def _streamed(engine: Engine, request: Request, chosen: str, blocks: Iterator[bytes]) -> Answer:
    encoder = Encoder.accepted(request.accept_encoding)
    headers = Headers(version=engine.version, timezone=engine.timezone)
    sent = headers.of(request.query_id, chosen, encoder)
    return Answer(headers=sent, body=encoded(blocks, encoder, headers))
