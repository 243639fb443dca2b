"""What a definition consists of, a digest for each part: so that what has changed can be named."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streams.aggregate import EVERYTHING
from streams.digest import digest, model_tree
from streams.feature import Derived, Feature, Field
from streams.sources import function_tree

Parts = Mapping[str, str]
"""Each part by the name that a person knows it by. The order is that of the definition, and belongs to it."""


def parts_of(features: Sequence[Feature], model: Any, rules: Mapping[str, object]) -> Parts:
    """The parts of a definition. Raises `Problem` for what cannot be digested."""
    parts = {f"feature {name}": digest(tree) for feature in features for name, tree in _trees(feature)}
    return {**parts, "model": digest(model_tree(model)), **{name: digest(rule) for name, rule in rules.items()}}


def digest_of(parts: Parts) -> str:
    """The digest of a whole definition, from those of its parts."""
    return digest(list(parts.items()))


def _trees(feature: Feature) -> Iterator[tuple[str, object]]:
    """What decides the values of each of its names, beside the name."""
    if isinstance(feature, Field):
        yield feature.name, ("field", feature.default)
    elif isinstance(feature, Derived):
        yield feature.name, (function_tree(feature.function), feature.of, feature.default)
    else:
        for aggregate in feature.aggregates:
            for name in feature.named(aggregate):
                where = () if feature.where is None else (function_tree(feature.where),)
                tile = () if feature.kind != "tiled" else (feature.tile_ms,)
                of_all = (EVERYTHING,) if feature.entity == EVERYTHING else ()
                yield name, (aggregate.default, aggregate.among, *where, *tile, *of_all)


def changes(then: Parts, now: Parts) -> str:
    """What is new, gone and changed, in words.

    >>> changes({"feature a": "1", "model": "2", "late": "3"}, {"feature b": "1", "model": "4", "late": "3"})
    'feature b is new; feature a is gone; model is changed'
    """
    told = {
        "new": [name for name in now if name not in then],
        "gone": [name for name in then if name not in now],
        "changed": [name for name in now if name in then and now[name] != then[name]],
    }
    said = [f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {what}" for what, names in told.items() if names]
    return "; ".join(said) or "the order of the features is changed"
