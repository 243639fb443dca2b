"""How the tests of this folder ask over raw HTTP."""

from collections.abc import Mapping
from typing import Protocol

import urllib3


class Ask(Protocol):
    """A raw HTTP request in the test's database; `params` are URL parameters."""

    def __call__(
        self, body: str | bytes = "", *, method: str = "POST", headers: Mapping[str, str] = {}, **params: str
    ) -> urllib3.BaseHTTPResponse: ...
