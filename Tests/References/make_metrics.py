#!/usr/bin/env python3
"""Write metrics.json: predictions and what scikit-learn's metrics say about them.

usage: make_metrics.py [FILE]

Inputs are multiples of 1/1024, exact in single precision too. A metric that is not a finite
number is null; r2WithoutForceFinite is text, so that it can be "-inf" and "nan" too.
"""

import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning


def exact(values):
    """The values, rounded to multiples of 1/1024."""
    return np.round(np.asarray(values) * 1024) / 1024 + 0.0


def finite(value):
    """A Python number, or None for infinity and "not a number"."""
    number = float(value)
    return number if math.isfinite(number) else None


def classification(name, classes, labels, logits, probabilities):
    """One classification case; the prediction is the most probable class."""
    known = list(range(classes))
    predictions = np.argmax(probabilities, axis=1)
    ordered = np.sort(probabilities, axis=1)
    if np.min(ordered[:, -1] - ordered[:, -2]) < 1e-6:
        raise ValueError(f"{name}: two classes are tied")
    matrix = metrics.confusion_matrix(labels, predictions, labels=known)
    recall = metrics.recall_score(
        labels, predictions, labels=known, average=None, zero_division=np.nan
    )
    return {
        "accuracy": float(metrics.accuracy_score(labels, predictions)),
        "classes": classes,
        "confusion": matrix.tolist(),
        "labels": labels.tolist(),
        "logLoss": float(metrics.log_loss(labels, probabilities, labels=known)),
        "logits": logits.tolist(),
        "name": name,
        "perClassCount": matrix.sum(axis=1).tolist(),
        "perClassRecall": [finite(value) for value in recall],
        "predictions": predictions.tolist(),
        "probabilities": probabilities.tolist(),
        "rows": len(labels),
    }


def binary(name, generator, rows):
    """Two classes from one logit; probabilities are [1 - p, p]."""
    labels = generator.integers(0, 2, rows)
    logits = exact(generator.normal(size=rows) * 1.5 + 2.0 * labels - 1.0)
    positive = 1.0 / (1.0 + np.exp(-logits))
    negative = 1.0 / (1.0 + np.exp(logits))
    return classification(name, 2, labels, logits, np.stack([negative, positive], axis=1))


def multiclass(name, generator, rows, classes, present):
    """Several classes, of which only those in `present` occur as labels."""
    labels = generator.choice(present, rows)
    logits = exact(generator.normal(size=(rows, classes)) * 1.25 + 1.5 * np.eye(classes)[labels])
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return classification(name, classes, labels, logits, probabilities)


def regression(name, targets, predictions):
    """One regression case; targets and predictions are [rows][outputs]."""
    targets, predictions = exact(targets), exact(predictions)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        strict = metrics.r2_score(targets, predictions, force_finite=False)
        r2 = metrics.r2_score(targets, predictions)
        r2_each = metrics.r2_score(targets, predictions, multioutput="raw_values")
    each = {"multioutput": "raw_values"}
    mae_each = metrics.mean_absolute_error(targets, predictions, **each)
    mse_each = metrics.mean_squared_error(targets, predictions, **each)
    rmse_each = metrics.root_mean_squared_error(targets, predictions, **each)
    # With fewer than two rows scikit-learn gives one "not a number" for all outputs.
    r2_each = np.broadcast_to(r2_each, targets.shape[1:])
    return {
        "mae": float(metrics.mean_absolute_error(targets, predictions)),
        "mse": float(metrics.mean_squared_error(targets, predictions)),
        "name": name,
        "outputs": targets.shape[1],
        "perOutputMAE": mae_each.tolist(),
        "perOutputMSE": mse_each.tolist(),
        "perOutputR2": [finite(value) for value in r2_each],
        "perOutputRMSE": rmse_each.tolist(),
        "predictions": predictions.tolist(),
        "r2": finite(r2),
        "r2WithoutForceFinite": repr(float(strict)),
        "rmse": float(metrics.root_mean_squared_error(targets, predictions)),
        "rows": len(targets),
        "targets": targets.tolist(),
    }


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "metrics.json"
    generator = np.random.default_rng(20)
    truth = 3.0 + 2.0 * generator.normal(size=(40, 1))
    several = generator.normal(size=(30, 3)) * [1.0, 10.0, 0.25]
    noise = generator.normal(size=(12, 1))
    constant = np.full((12, 1), 2.5)
    document = {
        "classification": [
            binary("binary", generator, 60),
            multiclass("five classes", generator, 60, 5, [0, 1, 2, 3, 4]),
            multiclass("class 2 of 4 has no rows", generator, 50, 4, [0, 1, 3]),
            multiclass("one row", generator, 1, 3, [1]),
        ],
        "regression": [
            regression("one output", truth, truth + 0.75 * generator.normal(size=(40, 1))),
            regression("worse than the mean", truth, 6.0 - truth),
            regression("three outputs", several, several * 0.75 + generator.normal(size=(30, 3))),
            regression("constant truth", constant, constant + noise),
            regression("constant truth, predicted exactly", constant, constant),
            regression("one row", [[1.5]], [[2.25]]),
        ],
        "source": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
