"""Checks of a definition against the user's classes: each failure names the field and the cure."""

import inspect
import re
import types
from collections.abc import Sequence
from enum import Enum
from math import isfinite
from numbers import Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.problem import Problem
from schemas.topics import Topics
from streams.feature import Derived, Feature, Per
from streams.stage import Role

NUMBERS = (float, int, bool)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LATER = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def topic_word(name: str) -> str:
    """`name`, where a topic can be called after it; else `Problem`."""
    if not isinstance(name, str) or not name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise Problem(f"name={name!r}: use letters, digits, - and _, as topics are named after it")
    return name


def checked_features(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """The features, where they are some; else `Problem`."""
    if not isinstance(features, list | tuple) or not features:
        raise Problem('features= must be a list with at least one feature, as in [Field("amount")]')
    for each in features:
        if isinstance(each, Per):
            raise Problem(f'per({each.entity!r}) has no windows: add .over("1d", "7d").count()')
        if not isinstance(each, Feature):
            raise Problem(f"features= holds {each!r}: write Field, Derived or per(…).over(…)")
    return tuple(features)


def check_topics(topics: Topics, inputs: Sequence[Role]) -> None:
    """Raise `Problem` unless each input has a topic of its own, which Millrace does not write and Kafka can have."""
    ours = {*topics.outputs, topics.requests, topics.replies, topics.replayed}
    named = {role: topics.input(role) for role in inputs}
    for role, topic in named.items():
        if not _TOPIC.fullmatch(topic):
            raise Problem(f"{role}_topic={topic!r}: Kafka's topics have up to 249 letters, digits, dots, - and _")
        if topic in ours:
            raise Problem(f"{role}_topic={topic!r} is one that Millrace writes: name that of your {role}")
    if len(set(named.values())) < len(named):
        raise Problem(f"labels_topic={topics.labels!r} is the events_topic too: give each a topic of its own")


def checked_rekey(rekey: Sequence[str], labelled: bool) -> tuple[Role, ...]:
    """The inputs that are keyed anew, where they are some of events and labels; `labelled`: labels have a topic."""
    if isinstance(rekey, str) or not all(role in (Role.EVENTS, Role.LABELS) for role in rekey):
        raise Problem(f'rekey={rekey!r}: write ("events",), ("labels",) or ("events", "labels")')
    if Role.LABELS in rekey and not labelled:
        raise Problem("rekey= names labels, but labels= names no class of its own, so they have no topic: leave it out")
    return tuple(role for role in (Role.EVENTS, Role.LABELS) if role in rekey)


def check_field(what: str, model: type[BaseModel], name: str, allowed: tuple[type, ...]) -> None:
    """Raise `Problem` unless `model` has a field `name` whose every type is one of `allowed`."""
    if name not in model.model_fields:
        raise Problem(f"{what}={name!r}: {model.__name__} has no such field (it has {', '.join(model.model_fields)})")
    for each in types_of(model, name):
        if isinstance(each, type) and issubclass(each, Enum):
            values = ", ".join(repr(member.value) for member in each)
            raise Problem(
                f"{what}={name!r}: {model.__name__}.{name} is an Enum: write Literal[{values}] for {each.__name__}"
            )
        if not (isinstance(each, type) and issubclass(each, allowed)):
            wanted = " or ".join(kind.__name__ for kind in allowed)
            found = getattr(each, "__name__", each)
            raise Problem(f"{what}={name!r}: {model.__name__}.{name} must be {wanted}, not {found}")


def check_number(model: type[BaseModel], name: str, default: float | None) -> None:
    """Raise `Problem` unless the field is a number, or may be absent and has a finite default."""
    check_default(f"Field({name!r}, …)", default)
    optional = name in model.model_fields and type(None) in types_of(model, name)
    if optional and default is None:
        raise Problem(f"{model.__name__}.{name} may be absent: give it a default, as in Field({name!r}, default=0.0)")
    check_field("feature", model, name, (*NUMBERS, type(None)) if optional else NUMBERS)


def check_function(what: str, function: Any, arguments: int) -> None:
    """Raise `Problem` unless `function` can be called with so many arguments and gives its value at once."""
    if not callable(function):
        raise Problem(f"{what} is {function!r}: write a function")
    if any(kind(function) for kind in _LATER):
        raise Problem(f"{what} is {function.__name__}, which gives its value later: write a plain def, with return")
    try:
        signature = inspect.signature(function)
    except ValueError:  # of some that are built in nobody knows it
        return
    try:
        signature.bind(*range(arguments))
    except TypeError as error:
        given = "the event alone" if arguments == 1 else f"{arguments} values"
        takes = ", ".join(signature.parameters)
        raise Problem(f"{what} is called with {given}, but {function.__name__}({takes}) is not") from error


def check_derived(feature: Derived, before: Sequence[str]) -> None:
    """Raise `Problem` unless what the feature is derived of stands `before` it, and its default is finite."""
    check_function(f"Derived({feature.name!r}, …)", feature.function, len(feature.of) or 1)
    for name in feature.of:
        if name not in before:
            known = ", ".join(before) or "none"
            raise Problem(f"Derived({feature.name!r}, of={name!r}): no such feature stands before it ({known} do)")
    check_default(f"Derived({feature.name!r}, …)", feature.default)


def check_default(what: str, default: float | None) -> None:
    """Raise `Problem` unless the default is absent, or a finite number, one of numpy's or a truth value."""
    if default is not None and not (isinstance(default, Real) and isfinite(default)):
        raise Problem(f"{what} has the default {default!r}: a default must be a finite number")


def types_of(model: type[BaseModel], name: str) -> tuple[Any, ...]:
    """The types of a field: one, or those of a union's members, of literals, or of what is annotated."""
    return _types(model.model_fields[name].annotation)


def _types(annotation: Any) -> tuple[Any, ...]:
    origin, members = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return tuple(kind for member in members for kind in _types(member))
    if origin is Literal:
        return tuple(dict.fromkeys(type(value) for value in members))
    return _types(members[0]) if origin is Annotated else (annotation,)
