"""Whether a model may be asked for scores: it stays as it is then, and a copy of it learns as it does."""

from collections.abc import Sequence
from copy import deepcopy
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

    Raises `Problem` also where a copy, taught the same but not asked, comes to say something else. Where the model
    cannot take the made-up features there is no finding.
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
        moved = pickled.write(model) != before
        second = deepcopy(model)
        for n, x in enumerate(vectors):
            learner.predict(model, x)
            learner.learn(model, x, truths[n % len(truths)])
            learner.learn(second, x, truths[n % len(truths)])
        alike = all(repr(learner.predict(model, x)) == repr(learner.predict(second, x)) for x in vectors)
    except Exception:  # noqa: BLE001  # the user's own model at made-up features, of which anything may come
        return
    named = type(last_step(model)).__name__
    if moved:
        raise Problem(
            f"requests=True, but {named} changes when it is asked, so requests would change later scores: use another "
            f"model, or leave requests= out"
        )
    if not alike:
        raise Problem(
            f"requests=True, but a copy of {named} does not learn as it does, and answers come from one: use another "
            f"model, or leave requests= out"
        )
