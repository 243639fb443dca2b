"""River learners that go on in another process: `python -m tests.streams.restarted FOLDER FROM TO` is that process."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from river import datasets, ensemble, forest, linear_model, naive_bayes, neighbors, optim, preprocessing, tree

from streams.pickled import pickled_model

gaussian: Any = naive_bayes.GaussianNB
aggressive: Any = linear_model.PAClassifier
alma: Any = linear_model.ALMAClassifier

MODELS: dict[str, Callable[[], Any]] = {
    "logistic regression": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "logistic regression, Adam": lambda: linear_model.LogisticRegression(optim.Adam()),
    "ALMA": lambda: preprocessing.StandardScaler() | alma(),
    "passive aggressive": lambda: aggressive(),
    "perceptron": lambda: preprocessing.MinMaxScaler() | linear_model.Perceptron(),
    "Gaussian naive Bayes": lambda: gaussian(),
    "Hoeffding tree": lambda: tree.HoeffdingTreeClassifier(grace_period=20),
    "adaptive Hoeffding tree": lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=20, seed=1),
    "extremely fast tree": lambda: tree.ExtremelyFastDecisionTreeClassifier(grace_period=20),
    "adaptive random forest": lambda: forest.ARFClassifier(n_models=3, seed=1),
    "Mondrian forest": lambda: forest.AMFClassifier(n_estimators=3, seed=1),
    "nearest neighbours": lambda: neighbors.KNNClassifier(engine=neighbors.LazySearch(window_size=100)),
    "random patches": lambda: ensemble.SRPClassifier(n_models=3, seed=1),
    "leveraging bagging": lambda: ensemble.LeveragingBaggingClassifier(gaussian(), n_models=3, seed=1),
    "ADWIN bagging": lambda: ensemble.ADWINBaggingClassifier(linear_model.LogisticRegression(), n_models=3, seed=1),
    "AdaBoost": lambda: ensemble.AdaBoostClassifier(tree.HoeffdingTreeClassifier(), n_models=3, seed=1),
}


def advance(model: Any, first: int, end: int) -> list[str]:
    """Predict and learn rows `first` up to `end`; each prediction, to the last bit."""
    said = []
    for x, y in list(datasets.Phishing())[first:end]:
        shares = model.predict_proba_one(x) if hasattr(model, "predict_proba_one") else model.predict_one(x)
        said.append(repr(shares))
        model.learn_one(x, y)
    return said


def main(folder: Path, first: int, end: int) -> None:
    """Take each model from its file, advance it, put it back, and print what it said."""
    said = {}
    for n, (name, build) in enumerate(MODELS.items()):
        pickled, file = pickled_model(build(), __name__), folder / f"{n}.model"
        model = pickled.read(file.read_bytes()) if file.exists() else build()
        said[name] = advance(model, first, end)
        file.write_bytes(pickled.write(model))
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
