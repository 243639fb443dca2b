"""Whether a model says the same when it is folded again in another process: what cannot is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from river import base, compose
from river.neighbors import SWINN, KNNClassifier
from river.tree import HoeffdingAdaptiveTreeClassifier

from schemas.problem import Problem

_WALKS_CLASSES = (HoeffdingAdaptiveTreeClassifier, KNNClassifier)
"""These add up shares in the order of a set of classes, which for text is another one in each process."""


def check_repeatable(model: Any, *, text_classes: bool) -> None:
    """Raise `Problem` where a part of `model` keeps something of its own elsewhere, or goes by the hashes of text."""
    for kind in _kinds(model):
        if issubclass(kind, SWINN):
            raise Problem(
                "SWINN keeps a part of what it knows outside the model, where it is not saved: write "
                "engine=LazySearch(window_size=…)"
            )
        if text_classes and issubclass(kind, _WALKS_CLASSES):
            raise Problem(
                f"{kind.__name__} adds up in the order of a set of classes, which of text is another one in each "
                f"process: number the classes in the labels"
            )


def _kinds(part: Any) -> Iterator[type]:
    """The classes of a model and of all that it is made of; River tells some parts as a class and its parameters."""
    if isinstance(part, type):
        yield part
    elif isinstance(part, compose.Pipeline):
        yield from _kinds(list(part.steps.values()))
    elif isinstance(part, base.Base):
        yield type(part)
        yield from _kinds(part._get_params())
    elif isinstance(part, Mapping):
        yield from _kinds(list(part.values()))
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _kinds(each)
