#!/usr/bin/env python3
"""Write optimizers.json: trajectories of PyTorch's optimizers in double precision.

usage: make_optimizers.py [FILE]

Every case starts from the same five parameters and runs for 1,000 steps on the same problem, whose
gradients never die down: at step t (from 1) the gradient of parameter i is
curvature_i * (w_i - (4 u - 2)) with u = ((379 i + 211 t + 57) mod 997 + 1/2) / 997: a quadratic
whose minimum moves at every step. It is 0 for the fourth parameter until step 5, and always for
the fifth. Initial parameters are multiples of 1/1024. The file holds the parameters after a few of
the steps. A schedule's epoch has 10 steps.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler as schedulers

STEPS = 1000
STEPS_PER_EPOCH = 10
EPOCHS = STEPS // STEPS_PER_EPOCH
KEPT = [1, 2, 5, 6, 10, 20, 50, 100, 200, 500, 1000]
CURVATURES = [1.0, 0.0625, 4.0, 1.0, 0.0]

# What PyTorch offers and Ebb does not.
LEFT_OUT = [
    "SGD: dampening", "Adam, AdamW: amsgrad", "RMSprop: centered",
    "Adagrad: lr_decay, initial_accumulator_value", "all: maximize",
]

# PyTorch's names for the hyperparameters, and the names they have in the file.
NAMES = {
    "alpha": "alpha",
    "eps": "epsilon",
    "lr": "learningRate",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "weight_decay": "weightDecay",
}

SGD = {"lr": 0.125, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
MOMENTUM = SGD | {"momentum": 0.9}
NESTEROV = MOMENTUM | {"nesterov": True}
ADAM = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
RMSPROP = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
ADAGRAD = {"lr": 0.1, "eps": 1e-10, "weight_decay": 0.0}
DECAY = {"weight_decay": 0.1}

CASES = [
    ("sgd", torch.optim.SGD, SGD),
    ("sgd-l2", torch.optim.SGD, SGD | DECAY),
    ("momentum", torch.optim.SGD, MOMENTUM),
    ("momentum-0.5", torch.optim.SGD, SGD | {"momentum": 0.5}),
    ("momentum-l2", torch.optim.SGD, MOMENTUM | DECAY),
    ("nesterov", torch.optim.SGD, NESTEROV),
    ("nesterov-0.5", torch.optim.SGD, NESTEROV | {"momentum": 0.5}),
    ("nesterov-l2", torch.optim.SGD, NESTEROV | DECAY),
    ("adam", torch.optim.Adam, ADAM),
    ("adam-betas", torch.optim.Adam, ADAM | {"betas": (0.5, 0.9)}),
    ("adam-epsilon", torch.optim.Adam, ADAM | {"eps": 0.01}),
    ("adam-l2", torch.optim.Adam, ADAM | DECAY),
    ("adamw", torch.optim.AdamW, ADAM | DECAY),
    ("adamw-betas", torch.optim.AdamW, ADAM | DECAY | {"betas": (0.8, 0.95)}),
    ("rmsprop", torch.optim.RMSprop, RMSPROP),
    ("rmsprop-alpha", torch.optim.RMSprop, RMSPROP | {"alpha": 0.9}),
    ("rmsprop-epsilon", torch.optim.RMSprop, RMSPROP | {"eps": 0.01}),
    ("rmsprop-l2", torch.optim.RMSprop, RMSPROP | DECAY),
    ("rmsprop-momentum", torch.optim.RMSprop, RMSPROP | {"momentum": 0.9}),
    ("rmsprop-momentum-l2", torch.optim.RMSprop, RMSPROP | DECAY | {"momentum": 0.5}),
    ("adagrad", torch.optim.Adagrad, ADAGRAD),
    ("adagrad-epsilon", torch.optim.Adagrad, ADAGRAD | {"eps": 0.01}),
    ("adagrad-l2", torch.optim.Adagrad, ADAGRAD | DECAY),
]


def warm_up(optimizer):
    """Five epochs up, then a cosine down over the others."""
    return schedulers.SequentialLR(
        optimizer,
        [schedulers.LinearLR(optimizer, 1 / 6, 1.0, 5),
         schedulers.CosineAnnealingLR(optimizer, EPOCHS - 5)],
        milestones=[5])


# Ebb's spelling of a schedule, and PyTorch's way to it.
SCHEDULES = [
    ("step:10:0.5", lambda o: schedulers.StepLR(o, 10, 0.5)),
    ("exponential:0.95", lambda o: schedulers.ExponentialLR(o, 0.95)),
    ("cosine:0.1", lambda o: schedulers.CosineAnnealingLR(o, EPOCHS, 0.1 * o.defaults["lr"])),
    ("linear:0.1", lambda o: schedulers.LinearLR(o, 1.0, 0.1, EPOCHS)),
    ("warm-up:5:cosine", warm_up),
]
SCHEDULED = [("nesterov", torch.optim.SGD, NESTEROV), ("adamw", torch.optim.AdamW, ADAM | DECAY)]


def named(settings):
    """The hyperparameters under the names they have in the file."""
    result = {NAMES[name]: value for name, value in settings.items() if name in NAMES}
    if "betas" in settings:
        result["beta1"], result["beta2"] = settings["betas"]
    return result


def gradient(parameters, step):
    """The gradient at a step, counted from 1."""
    shares = [((379 * i + 211 * step + 57) % 997 + 0.5) / 997 for i in range(len(CURVATURES))]
    targets = torch.tensor([4 * share - 2 for share in shares], dtype=torch.float64)
    curvatures = torch.tensor(CURVATURES, dtype=torch.float64)
    if step <= 5:
        curvatures[3] = 0
    return curvatures * (parameters.detach() - targets)


def case(name, kind, settings, initial, schedule=("constant", None)):
    """The hyperparameters, and the parameters after some steps."""
    parameters = torch.nn.Parameter(torch.tensor(initial, dtype=torch.float64))
    optimizer = kind([parameters], foreach=False, **settings)
    scheduler = schedule[1](optimizer) if schedule[1] else None
    kept = []
    for step in range(1, STEPS + 1):
        parameters.grad = gradient(parameters, step)
        optimizer.step()
        if scheduler and step % STEPS_PER_EPOCH == 0:
            scheduler.step()
        if step in KEPT:
            kept.append(parameters.detach().tolist())
    return {
        "hyperparameters": named(settings),
        "name": name,
        "optimizer": kind.__name__,
        "parameters": kept,
        "schedule": schedule[0],
    }


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "optimizers.json"
    normal = np.random.default_rng(21).normal(size=5)
    initial = (np.round(normal * 1024) / 1024 + 0.0).tolist()
    cases = [case(name, kind, settings, initial) for name, kind, settings in CASES]
    cases += [
        case(f"{name}, {schedule[0]}", kind, settings, initial, schedule)
        for name, kind, settings in SCHEDULED
        for schedule in SCHEDULES
    ]
    document = {
        "cases": cases,
        "curvatures": CURVATURES,
        "initial": initial,
        "kept": KEPT,
        "leftOut": LEFT_OUT,
        "source": f"PyTorch {torch.__version__}, float64",
        "steps": STEPS,
        "stepsPerEpoch": STEPS_PER_EPOCH,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    print(len(cases), "cases,", len(text), "bytes")


if __name__ == "__main__":
    main()
