"""The digest of a definition: what it computes, not how its file looks. What cannot be digested is refused."""

import ast
import dis
import hashlib
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any

from river import base, compose

from schemas.problem import Problem

PRIVATE_MODULE = "millrace_pipeline_"
"""Begins the module name of a pipeline file, which goes on with where the file lies: that does not matter here."""

_PLAIN = (int, float, str, bytes, bool, type(None))
_CONSTANT = (*_PLAIN, date, timedelta, tzinfo, Decimal, Enum, re.Pattern)
_NAMED = (types.ModuleType, types.BuiltinFunctionType, type)


def digest(parts: object) -> str:
    """Twelve hexadecimal digits that name `parts`."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def model_tree(model: Any) -> object:
    """Class and parameters of a River model, all the way down. Raises `Problem` where a seed is missing."""
    if isinstance(model, compose.Pipeline):
        return ("pipeline", tuple((str(name), model_tree(step)) for name, step in model.steps.items()))
    if isinstance(model, base.Base):
        parameters = model._get_params()
        _refuse_missing_seed(_name(type(model)), parameters)
        return (_name(type(model)), tuple((name, model_tree(value)) for name, value in sorted(parameters.items())))
    if isinstance(model, Mapping):
        return tuple((str(name), model_tree(value)) for name, value in model.items())
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], type) and isinstance(model[1], Mapping):
        _refuse_missing_seed(_name(model[0]), model[1])  # River's flattened form of a nested estimator
    if isinstance(model, list | tuple):
        return tuple(model_tree(value) for value in model)
    if isinstance(model, set | frozenset):
        return tuple(sorted(repr(value) for value in model))
    if isinstance(model, types.FunctionType):
        return function_tree(model)
    if isinstance(model, type):
        return _name(model)
    if isinstance(model, _PLAIN):
        return model
    raise Problem(f"a model parameter of type {type(model).__name__} cannot be digested: use plain values")


def _refuse_missing_seed(name: str, parameters: Mapping[str, Any]) -> None:
    if "seed" in parameters and parameters["seed"] is None:
        raise Problem(f"{name} draws at random: give it seed=…, so that a replay is the same run")


def function_tree(function: Callable[..., Any]) -> object:
    """The normalised source of `function` and of the functions of its module that it calls, and the values they use.

    Functions of other modules count by their name alone. Raises `Problem` for what has no source or may change.
    """
    return tuple(sorted(_trees(function, set())))


def _trees(function: Any, seen: set[types.FunctionType]) -> Iterator[tuple[str, str]]:
    if isinstance(function, types.BuiltinFunctionType):
        yield (_name(function), "")
        return
    if not isinstance(function, types.FunctionType):
        raise Problem(f"{function!r} is a {type(function).__name__}, which has no source: write a `def` in a file")
    if function in seen:
        return
    seen.add(function)
    name = function.__qualname__
    yield (name, ast.unparse(_source_tree(function)))
    _refuse_mutable_closure(function)
    for used, value in _values(function):
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            yield from _trees(value, seen)
        else:
            yield (f"{name} {used}", _value(f"{name} uses {used}", value))


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


def _value(what: str, value: Any) -> str:
    """`value` as text that is the same in every process."""
    if isinstance(value, _CONSTANT):
        return repr(value)
    if isinstance(value, (types.FunctionType, *_NAMED)):
        return _name(value)
    if isinstance(value, Mapping):
        return repr(sorted((_value(what, k), _value(what, v)) for k, v in value.items()))
    if isinstance(value, set | frozenset):
        return repr(sorted(_value(what, each) for each in value))
    if isinstance(value, list | tuple):
        return repr([_value(what, each) for each in value])
    raise Problem(f"{what}, a {type(value).__name__}, which cannot be digested: use plain values")


def _source_tree(function: types.FunctionType) -> ast.AST:
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree: ast.AST = ast.parse(source)
    except (OSError, TypeError, SyntaxError) as error:
        raise Problem(f"the source of {function.__qualname__} cannot be read: write it as `def` in a file") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    return lambdas[0] if function.__name__ == "<lambda>" and len(lambdas) == 1 else tree


def _refuse_mutable_closure(function: types.FunctionType) -> None:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if isinstance(cell.cell_contents, list | dict | set | bytearray):
            raise Problem(f"{function.__qualname__} closes over {name}, which may change: pass a plain value instead")


def _name(thing: Any) -> str:
    if isinstance(thing, types.ModuleType) or str(thing.__module__).startswith(PRIVATE_MODULE):
        return str(getattr(thing, "__qualname__", thing.__name__))
    return f"{thing.__module__}.{thing.__qualname__}"
