"""One HTTP request read as ClickHouse reads it: what is a setting, a bound parameter, a session, the query, data."""

import tempfile
import uuid
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from aiohttp import web

from .engine import SessionKey
from .errors import Refusal

# Parameters of the protocol: neither settings nor bindings, each read below or without a meaning here.
_PROTOCOL = frozenset(
    {"query", "database", "user", "password", "query_id", "quota_key", "default_format", "wait_end_of_query"}
    | {"session_id", "session_timeout", "session_check"}
    | {"buffer_size", "stacktrace", "client_protocol_version"}
)
_REFUSED = frozenset(("compress", "decompress", "role", "close_session"))
_IN_MEMORY_BYTES = 1 << 20
_DEFAULT_SESSION_S, _LONGEST_SESSION_S = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTable:
    """Rows sent beside a query as a temporary table; `structure` is `name Type, …`."""

    name: str
    structure: str
    format: str
    rows: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, its body received but still compressed (`encoding`)."""

    reads_only: bool
    query: bytes
    body: BinaryIO
    encoding: str
    accept_encoding: str
    user: str
    password: str
    database: str
    default_format: str
    query_id: str
    settings: Mapping[str, str]
    bindings: Mapping[str, str]
    session: SessionKey | None
    is_answered_whole: bool
    external: tuple[ExternalTable, ...]


async def read_request(http: web.Request) -> Request:
    """Receive a request. Large bodies go to a temporary file. Raises Refusal."""
    params = dict(http.query)
    body = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115  # closed when it is dropped
    files: dict[str, BinaryIO] = {}
    if http.content_type == "multipart/form-data":
        for name, value in (await http.post()).items():
            if isinstance(value, web.FileField):
                files[name] = cast("BinaryIO", value.file)
            else:
                params[name] = params.get(name, "") + str(value) if name == "query" else str(value)
    else:
        async for chunk in http.content.iter_any():
            body.write(chunk)
        body.seek(0)
    return _request(http, params, body, files)


def _request(http: web.Request, params: dict[str, str], body: BinaryIO, files: dict[str, BinaryIO]) -> Request:
    user, password = _credentials(http, params)
    external = tuple(_external(name, rows, params) for name, rows in files.items())
    refused = [name for name in _REFUSED & params.keys() if params[name] not in {"", "0"}]
    if refused:
        raise Refusal(48, "NOT_IMPLEMENTED", f"The parameter {refused[0]} is not supported by the embedded ClickHouse.")
    headers = http.headers
    return Request(
        reads_only=http.method == "GET",
        query=params.get("query", "").encode(errors="surrogateescape"),
        body=body,
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        accept_encoding=headers.get("Accept-Encoding", "") if params.get("enable_http_compression") != "0" else "",
        user=user,
        password=password,
        database=params.get("database", "") or headers.get("X-ClickHouse-Database", ""),
        default_format=params.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated",
        query_id=params.get("query_id") or headers.get("X-ClickHouse-Query-Id") or str(uuid.uuid4()),
        settings={n: v for n, v in params.items() if n not in _PROTOCOL | _REFUSED and not n.startswith("param_")},
        bindings={name[6:]: value for name, value in params.items() if name.startswith("param_")},
        session=_session(user, params),
        is_answered_whole=params.get("wait_end_of_query") == "1",
        external=external,
    )


def _credentials(http: web.Request, params: Mapping[str, str]) -> tuple[str, str]:
    kind, _, basic = http.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = b64decode(basic, validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError) as error:
            raise Refusal(516, "AUTHENTICATION_FAILED", "Invalid HTTP Basic credentials.") from error
        return user, password
    user = http.headers.get("X-ClickHouse-User") or params.get("user") or "default"
    return user, http.headers.get("X-ClickHouse-Key") or params.get("password", "")


def _session(user: str, params: Mapping[str, str]) -> SessionKey | None:
    if not params.get("session_id"):
        return None
    try:
        timeout_s = float(params.get("session_timeout", _DEFAULT_SESSION_S))
    except ValueError as error:
        raise Refusal(36, "BAD_ARGUMENTS", f"Invalid session timeout: '{params['session_timeout']}'.") from error
    return SessionKey(
        user=user,
        id=params["session_id"],
        timeout_s=min(timeout_s, _LONGEST_SESSION_S),
        must_exist=params.get("session_check") == "1",
    )


def _external(name: str, rows: BinaryIO, params: dict[str, str]) -> ExternalTable:
    """The table `name`, its description taken out of the parameters."""
    structure, types = params.pop(f"{name}_structure", ""), params.pop(f"{name}_types", "")
    if not structure and not types:
        raise Refusal(36, "BAD_ARGUMENTS", f"Neither structure nor types are given for the external table {name}.")
    numbered = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1))
    chosen = params.pop(f"{name}_format", "TabSeparated")
    return ExternalTable(name=name, structure=structure or numbered, format=chosen, rows=rows)
