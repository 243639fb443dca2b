"""Planting a bug: one place in the source of a function changed, compiled, and put in for as long as a test runs."""

from collections.abc import Callable
from inspect import getsource
from textwrap import dedent
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest


class Plant(NamedTuple):
    """A bug: in `function`, `old` becomes `new`. Whoever calls the function meets it, under whatever name."""

    name: str
    function: Callable[..., object]
    old: str
    new: str

    def put(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plant it. Asserts that `old` stands in the function exactly once, so that no plant withers unseen."""
        function = self.function
        assert isinstance(function, FunctionType)
        source = dedent(getsource(function))
        assert source.count(self.old) == 1, f"{self.name}: not once {self.old!r} in\n{source}"
        changed = compile(source.replace(self.old, self.new), f"<{self.name}>", "exec", dont_inherit=True)
        monkeypatch.setattr(function, "__code__", _code_of(changed, function.__name__))


def _code_of(module: CodeType, name: str) -> CodeType:
    """That of the only function in a compiled source."""
    return next(each for each in module.co_consts if isinstance(each, CodeType) and each.co_name == name)
