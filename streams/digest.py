"""The digest of a definition: what it computes, not how its file looks. What cannot be digested is refused."""

import ast
import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from river import base, compose

from schemas.problem import Problem

_PLAIN = (int, float, str, bytes, bool, type(None))


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
    """The normalised syntax trees of `function` and of the functions of its module that it calls."""
    return tuple(sorted(_trees(function, set())))


def _trees(function: Callable[..., Any], seen: set[str]) -> Iterable[tuple[str, str]]:
    if not isinstance(function, types.FunctionType):
        yield (_name(function), "")
        return
    name = function.__qualname__
    if name in seen:
        return
    seen.add(name)
    _refuse_mutable_closure(function)
    yield (name, ast.dump(_source_tree(function)))
    for used in sorted(function.__code__.co_names):
        value = function.__globals__.get(used)
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            yield from _trees(value, seen)
        elif isinstance(value, _PLAIN) and value is not None:
            yield (used, repr(value))


def _source_tree(function: types.FunctionType) -> ast.AST:
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree: ast.AST = ast.parse(source)
    except (OSError, TypeError, SyntaxError) as error:
        raise Problem(f"the source of {function.__qualname__} cannot be read: write it as `def` in a file") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _refuse_mutable_closure(function: types.FunctionType) -> None:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if not isinstance(cell.cell_contents, (*_PLAIN, types.FunctionType)):
            raise Problem(f"{function.__qualname__} closes over {name}, which may change: pass a plain value instead")


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
