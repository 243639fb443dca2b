"""The forms that single settings may take: addresses, existing files, topic prefixes."""

import json
import os
import re
import ssl
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

BROKER = re.compile(r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$")
PREFIX = re.compile(r"^[A-Za-z0-9._-]{0,100}$")
PORTS = range(1, 65_536)


def brokers(value: str) -> str:
    """`host:port`, several of them with commas, blanks dropped.

    >>> brokers("one:9092, [::1]:9093")
    'one:9092,[::1]:9093'
    """
    given = [part.strip() for part in value.split(",")]
    found = [BROKER.match(part) for part in given]
    if not all(match and int(match[2]) in PORTS for match in found):
        raise ValueError("must be host:port, several of them with commas (localhost:9092)")
    return ",".join(given)


def address(value: str) -> str:
    """An http or https URL without credentials: it may be shown in messages.

    >>> address("http://localhost:8081/")
    'http://localhost:8081'
    """
    try:
        url = urlsplit(value.strip())
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("must be an http:// or https:// address (http://localhost:8081)")
    if "@" in url.netloc:
        raise ValueError("must not contain a user or password: set the variables that end in _USERNAME and _PASSWORD")
    if url.query or url.fragment:
        raise ValueError("must end with the path: leave out what follows ? or #")
    return url.geturl().rstrip("/")


def readable(value: Path) -> Path:
    if not value.is_file() or not os.access(value, os.R_OK):
        raise ValueError("must name a file that can be read: correct the path or its permissions")
    return value


def certificates(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=value)
    except (ssl.SSLError, OSError):
        raise ValueError("must name a file of certificates in PEM form") from None
    return value


def prefix(value: str) -> str:
    if not PREFIX.match(value):
        raise ValueError("may only contain letters, digits, dot, hyphen and underscore, at most 100 of them")
    return value


def listed(value: object) -> object:
    """A list in JSON; what is none as it is.

    >>> listed('["one, the newest", "another"]')
    ['one, the newest', 'another']
    """
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise ValueError('must be a list in JSON, the newest key first (["one key", "another"])')
    return found


Brokers = Annotated[str, AfterValidator(brokers)]
Address = Annotated[str, AfterValidator(address)]
ReadableFile = Annotated[Path, AfterValidator(readable)]
Certificates = Annotated[ReadableFile, AfterValidator(certificates)]
FormerKeys = Annotated[tuple[SecretStr, ...], BeforeValidator(listed)]
TopicPrefix = Annotated[str, AfterValidator(prefix)]
