"""A model that was saved goes on in another process, with other hash seeds, as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.streams.restarted import MODELS, advance

PIECES = ((0, 150), (150, 300), (300, 450))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each model said in three processes, one after the other."""
    folder = tmp_path_factory.mktemp("models")
    said: dict[str, list[str]] = {name: [] for name in MODELS}
    for seed, (first, end) in enumerate(PIECES):
        command = [sys.executable, "-m", "tests.streams.restarted", str(folder), str(first), str(end)]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1), "PYTHONWARNINGS": "default"}
        root = Path(__file__).parents[2]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=120, check=True)
        for name, more in json.loads(done.stdout).items():
            said[name] += more
    return said


@pytest.mark.parametrize("name", MODELS)
def test_every_prediction_after_a_restart_is_that_of_the_model_that_never_stopped(
    name: str, pieces: dict[str, list[str]]
) -> None:
    assert pieces[name] == advance(MODELS[name](), 0, PIECES[-1][1])
