"""Neighbours as processes: programs of `tests/bench/neighbours` in the environment that `make neighbours` makes."""

import json
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from infra.embedded.process import ServerProcess
from infra.settings import Settings, schema_registry
from schemas.avro import avro_schema
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.scored import Scored
from streams.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-neighbours" / "bin" / "python"
PROGRAMS = ROOT / "tests" / "bench" / "neighbours"


class Neighbour(NamedTuple):
    """A program of the neighbours' environment, and in which of its forms it runs."""

    module: str
    form: str = ""


class Absent(Problem):
    """What a bench compares with is not on this machine."""


def require() -> None:
    """Raises `Absent` where the neighbours' environment is not there."""
    if not (PYTHON.exists() and PROGRAMS.is_dir()):
        raise Absent("the neighbours are not installed: run `make neighbours` in a clone of Millrace")


def start(neighbour: Neighbour, pipeline: Pipeline, inputs: Settings, outputs: Settings, folder: Path) -> ServerProcess:
    """The program from the topics of `inputs` to those of `outputs`, which exist; its files in `folder`.

    Raises `Problem` where the brokers want more than plain text: neighbours are not told how.
    """
    if outputs.kafka_security_protocol != "PLAINTEXT":
        raise Problem("neighbours speak to brokers in plain text alone: run the bench on embedded servers")
    folder.mkdir(parents=True)
    spec = folder / "spec.json"
    spec.write_text(json.dumps(_spec(neighbour, pipeline, inputs, outputs, folder)))
    command: list[str | Path] = [PYTHON, "-P", "-m", neighbour.module, spec]
    return ServerProcess(folder.name, command, log_path=folder / "log", env={"PYTHONPATH": str(ROOT)})


def _spec(
    neighbour: Neighbour, pipeline: Pipeline, inputs: Settings, outputs: Settings, folder: Path
) -> dict[str, object]:
    """See `fold.Spec` among the programs."""
    read, write = pipeline.topics(inputs.topic_prefix), pipeline.topics(outputs.topic_prefix)
    models: dict[str, type[BaseModel]] = {
        read.events: Payment,
        read.labels: Chargeback,
        write.scored: Scored,
        write.outcomes: Outcome,
    }
    with Registry(schema_registry(outputs)) as registry:
        ids = {topic: registry.register(topic, avro_schema(model)) for topic, model in models.items()}
    return {
        "kafka": outputs.kafka_bootstrap,
        "group": f"{outputs.topic_prefix}neighbour",
        "form": neighbour.form,
        "folder": str(folder / "state"),
        "topics": {"events": read.events, "labels": read.labels, "scored": write.scored, "outcomes": write.outcomes},
        "schemas": {ids[topic]: avro_schema(model) for topic, model in models.items()},
        "writes": {"scored": ids[write.scored], "outcomes": ids[write.outcomes]},
        "feature_names": pipeline.feature_names,
        "feature_set": pipeline.feature_set,
        "digest": pipeline.digest,
    }
