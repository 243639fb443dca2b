"""What the user's functions and classes say: their source, how it is written left out, and what it uses."""

import ast
import dis
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas.problem import Problem

PRIVATE_MODULE = "millrace_pipeline_"
"""Begins the module name of a pipeline file, which goes on with where the file lies: that does not matter here."""

_CONSTANT = (int, float, str, bytes, bool, type(None), date, timedelta, tzinfo, Decimal, Enum, re.Pattern)
_NAMED = (types.ModuleType, types.BuiltinFunctionType, type)

Tree = tuple[tuple[str, str], ...]


def function_tree(function: Callable[..., Any]) -> Tree:
    """The normalised source of `function` and of the functions of its module that it calls, and the values they use.

    Functions of other modules count by their name alone. Raises `Problem` for what has no source or may change.
    """
    return tuple(sorted(_trees(function, set(), frozenset())))


def class_tree(model: type[BaseModel], used: Collection[str]) -> Tree:
    """What a pydantic class makes of what it is given: validators, the source of its other functions, and the defaults
    of the fields that are `used`; so that fields that may be absent can be added.

    Empty of a plain class. Raises `Problem` as `function_tree` does.
    """
    return tuple(sorted(_class_trees(model, used)))


def _class_trees(model: type[BaseModel], used: Collection[str]) -> Iterator[tuple[str, str]]:
    yield from _members(model)
    found = model.__pydantic_decorators__
    kinds = (found.validators, found.field_validators, found.root_validators, found.model_validators)
    for name, decorator in [each for kind in kinds for each in kind.items()]:
        yield name, repr((decorator.info, function_tree(_plain(decorator.func))))
    for name, field in model.model_fields.items():
        if name in used and not field.is_required():
            made = field.default_factory
            yield name, _value(f"the default of {name}", field.default) if made is None else name_of(made)
        for each in field.metadata:
            if isinstance(function := getattr(each, "func", None), types.FunctionType | types.BuiltinFunctionType):
                yield f"{name} {type(each).__name__}", repr(function_tree(function))


def _trees(
    function: Any, seen: set[types.FunctionType], within: frozenset[types.FunctionType]
) -> Iterator[tuple[str, str]]:
    """Those of `function`, which is used `within` others, but of those that were `seen`."""
    if isinstance(function, types.BuiltinFunctionType):
        yield (name_of(function), "")
        return
    if not isinstance(function, types.FunctionType):
        raise Problem(f"{function!r} is a {type(function).__name__}, which has no source: write a `def` in a file")
    if function in seen:
        return
    seen.add(function)
    name, within = function.__qualname__, within | {function}
    yield (name, ast.unparse(_source_tree(function)))
    _refuse_mutable_closure(function)
    for used, value in _values(function):
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            yield from _trees(value, seen, within)
        else:
            yield (f"{name} {used}", _value(f"{name} uses {used}", value, function.__module__, within))


def _values(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """What the function takes from elsewhere: defaults, what it closes over, what it names of its module."""
    yield from ((f"default {n}", value) for n, value in enumerate(function.__defaults__ or ()))
    yield from sorted((function.__kwdefaults__ or {}).items())
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    yield from ((name, cell.cell_contents) for name, cell in cells)
    for name in sorted(set(_globals(function.__code__)) & function.__globals__.keys()):
        yield name, function.__globals__[name]


def _globals(code: types.CodeType) -> Iterator[str]:
    """Names of the module that `code`, or a function or comprehension within it, reads."""
    yield from (each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL")
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _globals(inner)


def _value(what: str, value: Any, module: str = "", within: frozenset[types.FunctionType] = frozenset()) -> str:
    """`value` as text that is the same in every process. Functions and classes of `module` count by what they say."""
    if isinstance(value, _CONSTANT):
        return repr(value)
    if isinstance(value, types.FunctionType) and value.__module__ == module and value not in within:
        return repr((name_of(value), sorted(_trees(value, set(), within))))
    if isinstance(value, type) and value.__module__ == module:
        return repr((name_of(value), sorted(_members(value)))) if [*_members(value)] else name_of(value)
    if isinstance(value, (types.FunctionType, *_NAMED)):
        return name_of(value)
    if isinstance(value, Mapping):
        pairs = ((_value(what, k, module, within), _value(what, v, module, within)) for k, v in value.items())
        return repr(sorted(pairs))
    if isinstance(value, set | frozenset):
        return repr(sorted(_value(what, each, module, within) for each in value))
    if isinstance(value, list | tuple):
        return repr([_value(what, each, module, within) for each in value])
    raise Problem(f"{what}, a {type(value).__name__}, which cannot be digested: use plain values")


def _members(owner: type) -> Iterator[tuple[str, str]]:
    """Constants and the source of functions of a class, and of those of its module that it derives of."""
    for each in owner.__mro__:
        for name, member in vars(each).items() if each.__module__ == owner.__module__ else ():
            function = _plain(member)
            if name.startswith("__") or name == "_abc_impl" or (name[0] == name[-1] == "_"):
                continue
            if isinstance(function, types.FunctionType) and function.__module__ == owner.__module__:
                yield f"{each.__qualname__}.{name}", ast.unparse(_source_tree(function))
            elif isinstance(member, _CONSTANT):
                yield f"{each.__qualname__}.{name}", repr(member)


def _plain(member: Any) -> Any:
    """The function behind a method, a static or class method, or a property."""
    return getattr(member, "fget", None) or getattr(member, "__func__", None) or member


def _source_tree(function: types.FunctionType) -> ast.AST:
    try:
        lines, first = inspect.getsourcelines(function.__code__)  # its own, not that of a function which it wraps
        source = "".join(lines)
        tree: ast.AST = ast.parse(textwrap.dedent(source))
    except (OSError, TypeError, SyntaxError) as error:
        raise Problem(f"the source of {function.__qualname__} cannot be read: write it as `def` in a file") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    if function.__name__ != "<lambda>" or not lambdas:
        return tree
    indent = len(lines[0]) - len(textwrap.dedent(source).split("\n", 1)[0]) - 1
    return lambdas[0] if len(lambdas) == 1 else _one_of(lambdas, function, first - 1, indent)


class _Span(NamedTuple):
    """Line and column (bytes of UTF-8) where something begins, and ends."""

    begin: tuple[int, int]
    end: tuple[int, int]


def _one_of(lambdas: list[ast.Lambda], function: types.FunctionType, line: int, indent: int) -> ast.Lambda:
    """Of several lambdas in one statement that whose body has made the code of `function`: the innermost around it."""
    spans = [
        _Span((begin - line, left - indent), (end - line, right - indent))
        for each in dis.get_instructions(function.__code__)
        if each.positions is not None
        for begin, end, left, right in [each.positions]
        if begin is not None and end is not None and left is not None and right is not None
        if (begin, left) != (end, right)  # what returns stands nowhere
    ]
    bodies = [(_span(each.body), each) for each in lambdas]
    around = [
        (body, each)
        for body, each in bodies
        if spans and all(body.begin <= span.begin and span.end <= body.end for span in spans)
    ]
    if not around:
        raise Problem("which of several lambdas in one statement is meant cannot be told: write each as `def`")
    return max(around, key=lambda pair: pair[0].begin)[1]


def _span(node: ast.expr) -> _Span:
    return _Span((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))


def _refuse_mutable_closure(function: types.FunctionType) -> None:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if isinstance(cell.cell_contents, list | dict | set | bytearray):
            raise Problem(f"{function.__qualname__} closes over {name}, which may change: pass a plain value instead")


def name_of(thing: Any) -> str:
    """What a function, class or module is called, with its module; that of a pipeline file left out."""
    if isinstance(thing, types.ModuleType) or str(thing.__module__).startswith(PRIVATE_MODULE):
        return str(getattr(thing, "__qualname__", thing.__name__))
    return f"{thing.__module__}.{thing.__qualname__}"
