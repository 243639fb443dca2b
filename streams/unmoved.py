"""Whether a model stays as it is when it is asked: else every score request would change what follows."""

from collections.abc import Sequence
from typing import Any

from schemas.problem import Problem
from streams.labels import Task
from streams.learner import Learner, last_step
from streams.pickled import pickled_model

TAUGHT = 30
PRIME = 7_919
TRUTHS: dict[Task, Sequence[Any]] = {
    "binary": (True, False),
    "multiclass": ("a", "b", "c"),
    "regression": (1.0, 2.5, -1.0),
    "none": (None,),
}


def check_unmoved(model: Any, module: str, learner: Learner, names: Sequence[str], task: Task) -> None:
    """Teach `model` a little and ask it twice. Raises `Problem` where the second time has changed it.

    Where the model cannot take the made-up features there is no finding.
    """
    vectors = [{name: (n * PRIME + i) % 17 / 4 for i, name in enumerate(names)} for n in range(TAUGHT)]
    truths = TRUTHS[task]
    try:
        for n, x in enumerate(vectors):
            learner.predict(model, x)
            learner.learn(model, x, truths[n % len(truths)])
        learner.predict(model, vectors[0])
        pickled = pickled_model(model, module)
        before = pickled.write(model)
        learner.predict(model, vectors[0])
    except Exception:  # noqa: BLE001  # the user's own model at made-up features, of which anything may come
        return
    if pickled.write(model) != before:
        raise Problem(
            f"requests=True, but {type(last_step(model)).__name__} changes when it is asked, so requests would change "
            f"later scores: use another model, or leave requests= out"
        )
