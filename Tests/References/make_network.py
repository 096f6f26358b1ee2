#!/usr/bin/env python3
"""Write network.json: losses and all gradients of dense networks by PyTorch, double precision.

usage: make_network.py [FILE]

Parameters, inputs and targets are multiples of 1/1024, exact in single precision too. Weights
are [outputs][inputs]. The batch has 7 rows. Losses:

softmaxCrossEntropy  mean over the rows of -log softmax(outputs)[label]
binaryCrossEntropy   mean over the rows, of one logit, labels 0 and 1
squaredError         (prediction - target)^2, summed over outputs, mean over rows
absoluteError        |prediction - target|, summed over outputs, mean over rows
huber                with delta 1, summed over outputs, mean over rows

No value lies within 0.002 of a kink of its activation or loss: seeds that put one there are
passed over.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROWS, INPUTS, OUTPUTS = 7, 5, 4
MARGIN = 2e-3

ACTIVATIONS = {
    "elu": lambda x: functional.elu(x, alpha=1.0),
    "gelu": lambda x: functional.gelu(x, approximate="none"),
    "identity": lambda x: x,
    "leakyRelu": lambda x: functional.leaky_relu(x, negative_slope=0.01),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "tanh": torch.tanh,
}

# The hidden layers of each network: width and activation.
NETWORKS = {
    "classic": [(7, "sigmoid"), (6, "tanh"), (8, "relu")],
    "modern": [(7, "elu"), (6, "gelu"), (8, "silu"), (5, "softplus"), (9, "leakyRelu")],
}

# How many seeds a case may try.
TRIALS = 1000

LOSSES = ["softmaxCrossEntropy", "squaredError", "huber", "absoluteError", "binaryCrossEntropy"]


class KinkError(Exception):
    """A value lies so near a kink that rounding could change its side."""


def exact(values):
    """The values, rounded to multiples of 1/1024, as a tensor that records gradients."""
    rounded = np.round(np.asarray(values) * 1024) / 1024 + 0.0
    return torch.tensor(rounded, dtype=torch.float64, requires_grad=True)


def loss_of(loss, outputs, answers):
    """The loss of the batch, a scalar."""
    if loss == "softmaxCrossEntropy":
        return functional.cross_entropy(outputs, answers)
    if loss == "binaryCrossEntropy":
        logits = outputs[:, 0]
        return functional.binary_cross_entropy_with_logits(logits, answers.to(logits.dtype))
    if loss == "squaredError":
        terms = functional.mse_loss(outputs, answers, reduction="none")
    elif loss == "huber":
        terms = functional.huber_loss(outputs, answers, reduction="none", delta=1.0)
    elif loss == "absoluteError":
        terms = functional.l1_loss(outputs, answers, reduction="none")
    else:
        raise ValueError(f"unknown loss {loss}")
    return terms.sum(dim=1).mean()


def margin(activation, values):
    """The distance of the nearest value to a kink of the activation, or to softplus's cut."""
    if activation in ("relu", "leakyRelu", "elu"):
        return values.abs().min().item()
    if activation == "softplus":
        return (20.0 - values).min().item()
    return 1.0


def case(name, hidden, loss, seed):
    """One network with one loss: everything that went in, and everything that came out."""
    generator = np.random.default_rng(seed)
    outputs = 1 if loss == "binaryCrossEntropy" else OUTPUTS
    inputs = exact(generator.normal(size=(ROWS, INPUTS)))
    layers, value, fan_in = [], inputs, INPUTS
    for width, activation in [*hidden, (outputs, "identity")]:
        weight = exact(generator.normal(size=(width, fan_in)) * 1.5 / fan_in**0.5)
        bias = exact(generator.normal(size=width) * 0.25)
        before = value @ weight.T + bias
        value = ACTIVATIONS[activation](before)
        before.retain_grad()
        value.retain_grad()
        if margin(activation, before) < MARGIN:
            raise KinkError(f"{name}, {loss}: a value is too near a kink of {activation}")
        layers.append((activation, weight, bias, before, value))
        fan_in = width
    if loss == "softmaxCrossEntropy":
        answers = torch.tensor(generator.integers(0, OUTPUTS, ROWS))
    elif loss == "binaryCrossEntropy":
        answers = torch.tensor([1, 0, 0, 1, 1, 0, 1])
    else:
        answers = exact(value.detach().numpy() + 1.25 * generator.normal(size=(ROWS, OUTPUTS)))
        residuals = (value - answers).abs()
        if min(residuals.min(), (residuals - 1).abs().min()) < MARGIN:
            raise KinkError(f"{name}, {loss}: a residual is too near a kink")
        answers = answers.detach()
    result = loss_of(loss, value, answers)
    result.backward()
    return {
        "answers": answers.tolist(),
        "inputGradient": inputs.grad.tolist(),
        "inputs": inputs.tolist(),
        "layers": [
            {
                "activation": activation,
                "activations": after.tolist(),
                "activationsGradient": after.grad.tolist(),
                "bias": bias.tolist(),
                "biasGradient": bias.grad.tolist(),
                "preactivations": before.tolist(),
                "preactivationsGradient": before.grad.tolist(),
                "weight": weight.tolist(),
                "weightGradient": weight.grad.tolist(),
            }
            for activation, weight, bias, before, after in layers
        ],
        "loss": loss,
        "lossValue": result.item(),
        "name": name,
        "seed": seed,
    }


def smooth_case(name, hidden, loss):
    """The case of the first seed that keeps clear of every kink."""
    for seed in range(TRIALS):
        try:
            return case(name, hidden, loss, seed)
        except KinkError:
            continue
    raise KinkError(f"{name}, {loss}: {TRIALS} seeds, each with a value near a kink")


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "network.json"
    torch.set_num_threads(1)
    cases = [
        smooth_case(name, hidden, loss) for name, hidden in NETWORKS.items() for loss in LOSSES
    ]
    document = {"cases": cases, "source": f"PyTorch {torch.__version__}, float64"}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
