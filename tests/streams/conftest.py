"""What several laws of folds are tried with."""

from collections.abc import Iterator

import pytest

import streams.keyed_windows
import streams.saved_windows
import streams.windows


@pytest.fixture(scope="module")
def little_is_held() -> Iterator[None]:
    """Windows that soon forget what is behind, pages of few keys, and few events that make a long history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.saved_windows, "PAGE", 2)
        patch.setattr(streams.windows, "COMPACT_ABOVE", 1)
        patch.setattr(streams.keyed_windows, "LONG", 3)
        yield
