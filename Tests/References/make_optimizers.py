#!/usr/bin/env python3
"""Write optimizers.json: short trajectories of PyTorch's optimizers in double precision.

usage: make_optimizers.py [FILE]

Every case starts from the same five parameters and is fed the same list of gradients, so that
it tests the update alone. Initial parameters and gradients are multiples of 1/1024, exact in
single precision too. The gradient of the fourth parameter is 0 for the first five steps, that
of the fifth is always 0.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

STEPS = 20
SCALES = np.array([1.0, 0.0625, 16.0, 1.0, 0.0])

# PyTorch's names for the hyperparameters, and the names they have in the file.
NAMES = {
    "alpha": "alpha",
    "dampening": "dampening",
    "eps": "epsilon",
    "initial_accumulator_value": "initialAccumulator",
    "lr": "learningRate",
    "lr_decay": "learningRateDecay",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "weight_decay": "weightDecay",
}

SGD = {"lr": 0.125, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
ADAM = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
RMSPROP = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
ADAGRAD = {
    "lr": 0.1,
    "lr_decay": 0.0,
    "eps": 1e-10,
    "initial_accumulator_value": 0.0,
    "weight_decay": 0.0,
}

CASES = [
    ("sgd", torch.optim.SGD, SGD),
    ("sgd-momentum", torch.optim.SGD, SGD | {"momentum": 0.9}),
    ("sgd-nesterov", torch.optim.SGD, SGD | {"momentum": 0.9, "nesterov": True}),
    ("sgd-l2", torch.optim.SGD, SGD | {"weight_decay": 0.1}),
    ("sgd-momentum-l2", torch.optim.SGD, SGD | {"momentum": 0.9, "weight_decay": 0.1}),
    ("adam", torch.optim.Adam, ADAM),
    ("adam-l2", torch.optim.Adam, ADAM | {"weight_decay": 0.1}),
    ("adamw", torch.optim.AdamW, ADAM | {"weight_decay": 0.1}),
    ("rmsprop", torch.optim.RMSprop, RMSPROP),
    ("rmsprop-alpha-0.9", torch.optim.RMSprop, RMSPROP | {"alpha": 0.9}),
    ("rmsprop-momentum", torch.optim.RMSprop, RMSPROP | {"momentum": 0.9}),
    ("adagrad", torch.optim.Adagrad, ADAGRAD),
]


def exact(values):
    """The values, rounded to multiples of 1/1024."""
    return np.round(np.asarray(values) * 1024) / 1024 + 0.0


def named(settings):
    """The hyperparameters under the names they have in the file."""
    result = {NAMES[name]: value for name, value in settings.items() if name in NAMES}
    if "betas" in settings:
        result["beta1"], result["beta2"] = settings["betas"]
    return result


def trajectory(kind, settings, initial, gradients):
    """The parameters after every step."""
    parameters = torch.nn.Parameter(torch.tensor(initial, dtype=torch.float64))
    optimizer = kind([parameters], foreach=False, **settings)
    result = []
    for gradient in gradients:
        parameters.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        result.append(parameters.detach().tolist())
    return result


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "optimizers.json"
    generator = np.random.default_rng(21)
    initial = exact(generator.normal(size=5))
    gradients = exact((generator.normal(size=(STEPS, 5)) + 0.25) * SCALES)
    gradients[:5, 3] = 0.0
    document = {
        "cases": [
            {
                "hyperparameters": named(settings),
                "name": name,
                "optimizer": kind.__name__,
                "parameters": trajectory(kind, settings, initial, gradients),
            }
            for name, kind, settings in CASES
        ],
        "gradients": gradients.tolist(),
        "initial": initial.tolist(),
        "source": f"PyTorch {torch.__version__}, float64",
        "steps": STEPS,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
