#!/usr/bin/env python3
"""Write micrograd.json: the demo of micrograd, its data, first weights and printed losses.

usage: make_micrograd.py [FILE]

The demo (karpathy/micrograd, demo.ipynb) trains a 2-16-16-1 relu network on two moons for 100
steps of gradient descent on all rows: max-margin loss plus 1e-4 times the sum of the squared
parameters, learning rate 1 - 0.9 k/100. It takes its first weights from random.seed(1337) and its
data from np.random.seed(1337) and scikit-learn's make_moons. Here the same is computed by a loop
over micrograd itself (pip install micrograd scikit-learn) and compared with what the notebook
printed.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import sklearn
from micrograd.engine import Value
from micrograd.nn import MLP
from sklearn.datasets import make_moons

# Printed by the notebook: step, loss, accuracy in percent.
PUBLISHED = [
    (0, 0.8958441028683222, 50.0),
    (1, 1.7235905336972022, 81.0),
    (99, 0.010978370135492717, 100.0),
]


def batch_loss(model, features, targets):
    """The notebook's loss() on all rows."""
    inputs = [list(map(Value, row)) for row in features]
    scores = list(map(model, inputs))
    losses = [(1 + -target * score).relu() for target, score in zip(targets, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum((p * p for p in model.parameters()))
    right = [(target > 0) == (score.data > 0) for target, score in zip(targets, scores)]
    return data_loss + reg_loss, sum(right) / len(right)


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "micrograd.json"
    np.random.seed(1337)
    random.seed(1337)
    features, labels = make_moons(n_samples=100, noise=0.1)
    targets = labels * 2 - 1
    model = MLP(2, [16, 16, 1])
    layers = [
        {"weight": [[w.data for w in neuron.w] for neuron in layer.neurons],
         "bias": [neuron.b.data for neuron in layer.neurons],
         "relu": layer.neurons[0].nonlin}
        for layer in model.layers
    ]
    losses, accuracies = [], []
    for step in range(100):
        total, accuracy = batch_loss(model, features, targets)
        model.zero_grad()
        total.backward()
        rate = 1.0 - 0.9 * step / 100
        for parameter in model.parameters():
            parameter.data -= rate * parameter.grad
        losses.append(float(total.data))
        accuracies.append(accuracy)
    for step, loss, percent in PUBLISHED:
        print(f"step {step}: {losses[step]!r}, published {loss!r}")
        assert abs(losses[step] - loss) <= 1e-12 and abs(100 * accuracies[step] - percent) < 1e-9
    document = {
        "accuracies": accuracies,
        "features": features.tolist(),
        "layers": layers,
        "losses": losses,
        "published": [{"loss": loss, "step": step} for step, loss, _ in PUBLISHED],
        "source": f"micrograd's demo.ipynb; scikit-learn {sklearn.__version__}",
        "targets": targets.tolist(),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
