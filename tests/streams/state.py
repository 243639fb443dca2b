"""The state of a fold as plain values, so that two states can be compared all the way down."""

import types
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from river import compose
from river.utils import VectorDict

_CODE = (type, types.FunctionType, types.MethodType, types.BuiltinFunctionType)

_FOUND_AGAIN = {"_inference_transformers", "_last_step_cached", "_last_step_params", "_plan"}
"""What a pipeline of River's remembers of its own steps, from the first time that it is asked."""


def walk(value: Any) -> Any:
    """`value` as nested tuples of names and plain values, without the order in which sets and maps were filled."""
    if isinstance(value, _CODE):
        return value.__qualname__
    if isinstance(value, Counter):
        return ("counter", sorted((repr(k), n) for k, n in value.items() if n))
    if isinstance(value, VectorDict):
        return ("vector", walk(value.to_dict()))
    if isinstance(value, Mapping):
        return ("map", sorted((repr(k), walk(v)) for k, v in value.items()))
    if isinstance(value, set | frozenset):
        return ("set", sorted(map(repr, value)))
    if isinstance(value, list | tuple):
        return ("row", [walk(each) for each in value])
    if isinstance(value, np.ndarray):
        return ("array", repr(value.tolist()))
    if isinstance(value, int | float | str | bytes | bool | types.NoneType):
        return repr(value)
    return (type(value).__qualname__, walk(_fields(value)))


def _fields(value: Any) -> dict[str, Any]:
    """What the object holds, in slots or not; extension types say it when they are to be pickled."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    held = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    if isinstance(value, compose.Pipeline):
        held = {name: each for name, each in held.items() if name not in _FOUND_AGAIN}
    return held or {"reduced": list(value.__reduce_ex__(2)[1:3])}
