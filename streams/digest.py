"""The digest of a definition: what it computes, not how its file looks. What cannot be digested is refused."""

import hashlib
import types
from collections.abc import Mapping
from functools import partial
from typing import Any

from river import base, compose

from schemas.problem import Problem
from streams.sources import function_tree, name_of

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
        _refuse_missing_seed(name_of(type(model)), parameters)
        return (name_of(type(model)), tuple((name, model_tree(value)) for name, value in sorted(parameters.items())))
    if isinstance(model, Mapping):
        return tuple((str(name), model_tree(value)) for name, value in model.items())
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], type) and isinstance(model[1], Mapping):
        _refuse_missing_seed(name_of(model[0]), model[1])  # River's flattened form of a nested estimator
    if isinstance(model, list | tuple):
        return tuple(model_tree(value) for value in model)
    if isinstance(model, set | frozenset):
        return tuple(sorted(repr(value) for value in model))
    if isinstance(model, types.FunctionType):
        return function_tree(model)
    if isinstance(model, type | types.BuiltinFunctionType):
        return name_of(model)
    if isinstance(model, partial):
        return (model_tree(model.func), model_tree(model.args), model_tree(model.keywords))
    if isinstance(model, _PLAIN):
        return model
    raise Problem(f"a model parameter of type {type(model).__name__} cannot be digested: use plain values")


def _refuse_missing_seed(name: str, parameters: Mapping[str, Any]) -> None:
    if "seed" in parameters and parameters["seed"] is None:
        raise Problem(f"{name} draws at random: give it seed=…, so that a replay is the same run")
