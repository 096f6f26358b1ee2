#!/usr/bin/env python3
"""Write operations.json: values and gradients of operations, losses and compositions by PyTorch.

usage: make_operations.py [FILE]

All in double precision. Operands are not in the file: element i of operand k is
low + (high - low) * u, with u = (p mod 997 + 1/2) / 997 and p = (379 + 4 k) i + 211 k + 57, or,
where ties are wanted, u = (p mod steps) / (steps - 1); indices are (5 i + 3 k + 1) mod below.
Both sides compute these to the same bits. Gradients are those of the sum of the value's elements
times weights, which are operand 99, from -1 to 1.
"""

import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

# What PyTorch does otherwise, by convention rather than by mistake.
LEFT_OUT = {
    "max(dim) and min(dim) at ties": "PyTorch gives one element all; Ebb shares, as amax does",
    "sqrt and norm at 0": "Ebb's chain product stops an infinite slope where the cotangent is 0",
    "where-guarded log at 0": "PyTorch gives NaN, Ebb 0",
    "power at base 0 or below by its exponent": "PyTorch gives NaN or -inf, Ebb 0",
    "softmax of a row of -inf": "PyTorch gives NaN, Ebb 0",
    "cross-entropy with smoothing and class weights":
        "PyTorch weights the smoothed part class by class, Ebb the whole row by its label",
    "mean cross-entropy with class weights": "PyTorch divides by the weights, Ebb by the rows",
    "mean cross-entropy of no counted row": "PyTorch gives NaN, Ebb 0",
}

CASES = []


def operand(shape, low=-2.0, high=2.0, steps=None):
    """What an operand is made from."""
    result = {"shape": list(shape), "low": float(low), "high": float(high)}
    return result | ({"steps": steps} if steps else {})


def labels(shape, below, first=0):
    """What indices are made from; `first` is added to each."""
    return {"shape": list(shape), "below": below, "first": first}


def elements(spec, k):
    """The elements of operand k."""
    count = math.prod(spec["shape"])
    if "steps" in spec:
        steps = spec["steps"]
        shares = [(((379 + 4 * k) * i + 211 * k + 57) % steps) / (steps - 1) for i in range(count)]
    else:
        shares = [(((379 + 4 * k) * i + 211 * k + 57) % 997 + 0.5) / 997 for i in range(count)]
    return [spec["low"] + (spec["high"] - spec["low"]) * share for share in shares]


def tensor(spec, k):
    return torch.tensor(elements(spec, k)).reshape(spec["shape"])


def indices(spec, k):
    count = math.prod(spec["shape"])
    values = [(5 * i + 3 * k + 1) % spec["below"] + spec["first"] for i in range(count)]
    return torch.tensor(values, dtype=torch.int64).reshape(spec["shape"])


def case(name, function, operands, index=()):
    """Adds a case: the function's value and gradients on the given operands and indices."""
    x = [tensor(spec, k).requires_grad_() for k, spec in enumerate(operands)]
    y = function(*x, *(indices(spec, k) for k, spec in enumerate(index)))
    weights = tensor(operand(y.shape, -1, 1), 99)
    slopes = torch.autograd.grad((y * weights).sum(), x, allow_unused=True)
    gradients = [
        (torch.zeros_like(value) if slope is None else slope).flatten().tolist()
        for value, slope in zip(x, slopes)
    ]
    result = {
        "name": name,
        "operands": list(operands),
        "shape": list(y.shape),
        "value": y.detach().flatten().tolist(),
        "gradients": gradients,
    }
    CASES.append(result | ({"indices": list(index)} if index else {}))


def several(name, function, variants, index=None):
    """The same function on several lists of operands."""
    for number, operands in enumerate(variants):
        case(name, function, operands, index[number] if index else ())


def elementwise():
    shapes = [[], [7], [3, 5], [2, 3, 2]]

    def unary(name, function, low=-2.0, high=2.0, steps=None):
        chosen = [[3, 4]] if steps else shapes
        several(name, function, [[operand(shape, low, high, steps)] for shape in chosen])

    unary("negate", torch.neg)
    unary("abs", torch.abs)
    unary("abs at 0", torch.abs, steps=5)
    unary("sign", torch.sign)
    unary("reciprocal", torch.reciprocal, 0.3, 3)
    unary("sqrt", torch.sqrt, 0.1, 3)
    unary("rsqrt", torch.rsqrt, 0.2, 3)
    unary("exp", torch.exp)
    unary("expm1", torch.expm1, -0.5, 0.5)
    unary("log", torch.log, 0.1, 3)
    unary("log1p", torch.log1p, -0.6, 2)
    unary("sin", torch.sin, -4, 4)
    unary("cos", torch.cos, -4, 4)
    unary("tan", torch.tan, -1.2, 1.2)
    unary("sinh", torch.sinh)
    unary("cosh", torch.cosh)
    unary("atan", torch.atan, -5, 5)
    unary("tanh", torch.tanh)
    unary("sigmoid", torch.sigmoid)
    unary("sigmoid far out", torch.sigmoid, -60, 60)
    unary("log sigmoid", F.logsigmoid, -60, 60)
    unary("softplus", F.softplus)
    unary("softplus far out", lambda x: F.softplus(x, threshold=700), -300, 300)
    unary("erf", torch.erf)
    unary("relu", F.relu)
    unary("relu at 0", F.relu, steps=5)
    unary("leaky relu", F.leaky_relu)
    unary("leaky relu at 0", F.leaky_relu, steps=5)
    unary("elu", F.elu)
    unary("elu scaled", lambda x: F.elu(x, 0.7))
    unary("gelu", F.gelu)
    unary("gelu by tanh", lambda x: F.gelu(x, approximate="tanh"))
    unary("silu", F.silu)
    unary("mish", F.mish)
    unary("softsign", F.softsign)
    unary("square", torch.square)
    unary("cube", lambda x: x**3)
    unary("power 1.5", lambda x: x**1.5, 0.1, 3)
    unary("power -2", lambda x: x**-2, 0.4, 3)
    unary("power 0", lambda x: x**0)
    unary("clip", lambda x: torch.clamp(x, -1, 0.5))
    unary("clip at its ends", lambda x: torch.clamp(x, -1, 1), steps=5)
    unary("polynomial", lambda x: 2 * x**3 - 0.5 * x**2 + x - 3)

    pairs = [([3, 4], [3, 4]), ([3, 1], [1, 4]), ([2, 3, 2], [3, 1]), ([], [5]), ([4], [2, 1, 4])]

    def binary(name, function, first=(-2.0, 2.0), second=(-2.0, 2.0)):
        several(name, function, [[operand(a, *first), operand(b, *second)] for a, b in pairs])

    binary("add", torch.add)
    binary("subtract", torch.sub)
    binary("multiply", torch.mul)
    binary("divide", torch.div, second=(0.4, 2))
    binary("power", torch.pow, first=(0.3, 2.5))
    binary("minimum", torch.minimum)
    binary("maximum", torch.maximum)
    binary("hypotenuse", torch.hypot)
    binary("log add exp", torch.logaddexp)
    binary("where", lambda a, b: torch.where(a > b, a * b, a - b))
    ties = [[operand([4, 3], steps=3), operand([4, 3], steps=3)], [operand([5], steps=2)] * 2]
    several("minimum at ties", torch.minimum, ties)
    several("maximum at ties", torch.maximum, ties)
    several("clip between tensors", torch.clamp,
            [[operand([3, 4]), operand([4], -1.5, -0.2), operand([3, 1], 0.2, 1.5)]])
    several("where of three", lambda x, a, b: torch.where(x <= 0, a, b),
            [[operand([3, 4]), operand([4]), operand([3, 1])]])
    several("lerp", torch.lerp, [[operand([3, 4]), operand([3, 4]), operand([3, 4], 0, 1)]])


def reductions():
    shapes = [[3, 4, 2], [2, 3, 5], [1, 4, 3]]

    def over(name, function, low=-2.0, high=2.0, steps=None, shapes=shapes):
        several(name, function, [[operand(shape, low, high, steps)] for shape in shapes])

    over("sum", torch.sum)
    over("sum over 0", lambda x: x.sum(0))
    over("sum over 0 and 2", lambda x: x.sum((0, 2)))
    over("sum over 1, kept", lambda x: x.sum(1, keepdim=True))
    over("sum of nothing", lambda x: x.sum(1), shapes=[[2, 0], [3, 0]])
    over("mean", torch.mean)
    over("mean over 2", lambda x: x.mean(2))
    over("mean over 0 and 1, kept", lambda x: x.mean((0, 1), keepdim=True))
    over("product", torch.prod)
    over("product over 1", lambda x: x.prod(1))
    over("product with zeros", lambda x: x.prod(1), steps=5)
    over("max", torch.amax)
    over("max over 1", lambda x: torch.amax(x, 1))
    over("max over 0 and 2", lambda x: torch.amax(x, (0, 2)))
    over("max at ties", lambda x: torch.amax(x, 1), steps=3)
    over("min", torch.amin)
    over("min over 2, kept", lambda x: torch.amin(x, 2, keepdim=True))
    over("min at ties", lambda x: torch.amin(x, (1, 2)), steps=3)
    over("variance over 2", lambda x: x.var(2, correction=0))
    over("standard deviation", lambda x: x.std(correction=0))
    over("standard deviation over 1", lambda x: x.std(1, correction=1),
         shapes=[[3, 4, 2], [2, 3, 5]])
    over("norm", torch.linalg.vector_norm)
    over("norm over 2", lambda x: torch.linalg.vector_norm(x, dim=2))
    over("absolute norm over 0", lambda x: torch.linalg.vector_norm(x, 1, dim=0))
    over("norm of power 3", lambda x: torch.linalg.vector_norm(x, 3, dim=1))
    over("log-sum-exp", lambda x: torch.logsumexp(x, 2))
    over("log-sum-exp over 0, kept", lambda x: torch.logsumexp(x, 0, keepdim=True))
    over("log-sum-exp far out", lambda x: torch.logsumexp(x, 2), -900, 900)
    over("softmax", lambda x: torch.softmax(x, 2))
    over("softmax over 0", lambda x: torch.softmax(x, 0))
    over("softmax far out", lambda x: torch.softmax(x, 2), -900, 900)
    over("log-softmax", lambda x: torch.log_softmax(x, 2))
    over("log-softmax over 1", lambda x: torch.log_softmax(x, 1))
    over("entropy of softmax", lambda x: torch.distributions.Categorical(logits=x).entropy())


def products():
    def of(name, function, *pairs):
        several(name, function, [[operand(shape) for shape in shapes] for shapes in pairs])

    of("matmul", torch.matmul, ([2, 3], [3, 4]), ([5, 1], [1, 5]), ([1, 7], [7, 1]),
       ([2, 0], [0, 3]))
    of("matmul in batches", torch.matmul, ([2, 3, 4], [2, 4, 2]), ([2, 2, 1, 3], [2, 2, 3, 2]))
    of("matmul, broadcast", torch.matmul, ([3, 4], [2, 4, 3]), ([2, 1, 2, 3], [2, 3, 2]))
    of("matmul by a vector", torch.matmul, ([3, 4], [4]), ([2, 3, 4], [4]))
    of("matmul of a vector", torch.matmul, ([4], [4, 3]), ([3], [2, 3, 2]))
    of("dot", torch.matmul, ([6], [6]), ([1], [1]))
    of("outer product", torch.outer, ([3], [4]), ([5], [2]))
    of("product with a transpose", lambda a, b: a @ b.T, ([2, 5], [3, 5]), ([4, 2], [4, 2]))
    of("quadratic form", lambda x, a: x @ a @ x, ([4], [4, 4]), ([3], [3, 3]))
    of("chain of products", lambda a, b, c: a @ b @ c, ([2, 3], [3, 4], [4, 2]))
    of("linear", F.linear, ([4, 3], [2, 3], [2]), ([1, 5], [3, 5], [3]))
    of("bilinear", F.bilinear, ([3, 2], [3, 4], [2, 2, 4]))
    of("square of a matrix", lambda a: a @ a, ([3, 3],), ([4, 4],))
    of("trace of a product", lambda a, b: torch.trace(a @ b), ([2, 3], [3, 2]))


def movements():
    def of(name, function, *variants):
        several(name, function, [[operand(shape) for shape in shapes] for shapes in variants])

    of("reshape", lambda x: (x * x).reshape(-1, 2), ([2, 3, 2],), ([4],))
    of("transpose", lambda x: torch.exp(x).mT, ([2, 3],), ([2, 3, 4],))
    of("axes in another order", lambda x: torch.sin(x).permute(2, 0, 1), ([2, 3, 4],), ([1, 2, 3],))
    of("expand", lambda x: (x * x).expand(3, *x.shape[:-1], 4), ([2, 1],), ([1, 1],))
    of("concatenate over 0", lambda a, b: torch.cat([a * a, b]), ([2, 3], [1, 3]))
    of("concatenate over 1", lambda a, b, c: torch.cat([a, b, a * c], 1), ([2, 3], [2, 1], [2, 3]))
    of("stack", lambda a, b: torch.stack([a, a * b], 1), ([3, 2], [3, 2]), ([4], [4]))
    of("slice", lambda x: (x * x)[:, 1:3], ([3, 4],), ([2, 5],))
    of("slice of both axes", lambda x: torch.exp(x)[1:, :2], ([3, 4],), ([2, 2],))
    of("pad", lambda x: F.pad(x * x, (1, 2, 0, 1)), ([2, 3],), ([1, 1],))
    of("roll", lambda x: torch.roll(x, 1, 1) * x, ([2, 4],), ([3, 3],))
    of("differences of neighbours", lambda x: torch.diff(x) ** 2, ([2, 5],), ([3, 2],))
    of("sliding windows", lambda x, k: F.conv1d(x[None, None], k[None, None])[0, 0],
       ([7], [3]), ([5], [1]))
    of("one axis summed by parts", lambda x: x.reshape(*x.shape[:-1], -1, 2).sum(-1) ** 2,
       ([2, 4],), ([3, 6],))

    several("gather rows", lambda table, at: F.embedding(at, table * table),
            [[operand([4, 3])], [operand([3, 2])], [operand([5, 1])]],
            [[labels([6], 4)], [labels([2, 3], 3)], [labels([1], 5)]])
    several("scatter and add rows", lambda x, at: torch.zeros(4, x.shape[1]).index_add(0, at, x * x),
            [[operand([6, 2])], [operand([3, 3])]], [[labels([6], 4)], [labels([3], 2)]])
    several("one-hot", lambda x, at: F.one_hot(at, x.shape[-1]) * torch.exp(x),
            [[operand([4, 3])], [operand([2, 5])]], [[labels([4], 3)], [labels([2], 5)]])
    several("element by label", lambda x, at: (x * x).gather(1, at[:, None])[:, 0],
            [[operand([4, 3])], [operand([6, 2])]], [[labels([4], 3)], [labels([6], 2)]])
    several("mean by segment", segment_mean, [[operand([7, 2])]], [[labels([7], 3)]])


def segment_mean(x, at):
    total = torch.zeros(3, x.shape[1]).index_add(0, at, x)
    return total / torch.bincount(at, minlength=3)[:, None]


def losses():
    shapes = [[5, 3], [4, 1], [1, 6], [7, 2]]
    numbers = [[operand(shape, -3, 3), operand(shape, -3, 3)] for shape in shapes]

    def rows(function):
        return lambda a, y: function(a, y, reduction="none").sum(1)

    several("loss squared-error", rows(F.mse_loss), numbers)
    several("loss absolute-error", rows(F.l1_loss), numbers)
    several("loss huber", rows(F.huber_loss), numbers)
    several("loss huber 0.25",
            lambda a, y: F.huber_loss(a, y, delta=0.25, reduction="none").sum(1), numbers)
    several("loss binary-cross-entropy", rows(F.binary_cross_entropy_with_logits),
            [[operand(shape, -30, 30), operand(shape, 0, 1)] for shape in shapes])
    several("mean squared error", F.mse_loss, numbers)
    several("mean huber loss", F.huber_loss, numbers)
    several("log-cosh loss", lambda a, y: torch.log(torch.cosh(a - y)).mean(), numbers)
    several("poisson loss", F.poisson_nll_loss,
            [[operand(shape), operand(shape, 0, 5)] for shape in shapes])
    several("gaussian loss", F.gaussian_nll_loss,
            [[operand(shape), operand(shape), operand(shape, 0.2, 2)] for shape in shapes])
    several("soft margin loss",
            lambda a, y: F.soft_margin_loss(a, torch.sign(y).detach()), numbers)
    several("hinge loss", lambda a, y: F.relu(1 - a * torch.sign(y)).mean(), numbers)
    several("squared hinge loss", lambda a, y: (F.relu(1 - a * torch.sign(y)) ** 2).mean(), numbers)
    several("divergence of distributions",
            lambda a, b: F.kl_div(torch.log_softmax(a, 1), torch.softmax(b, 1), reduction="none")
            .sum(1), numbers)
    several("cross-entropy of distributions",
            lambda a, b: F.cross_entropy(a, torch.softmax(b, 1), reduction="none"), numbers)
    # Not of rows of one number, whose similarity is constant.
    several("cosine similarity", F.cosine_similarity, numbers[::2])
    several("triplet loss",
            lambda a, p, n: F.relu(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 0.5),
            [[operand([4, 3])] * 3])

    logits = [[operand([5, 3], -4, 4)], [operand([8, 4], -400, 400)], [operand([2, 2])],
              [operand([3, 7])]]
    at = [[labels([spec[0]["shape"][0]], spec[0]["shape"][1])] for spec in logits]
    several("loss softmax-cross-entropy",
            lambda a, y: F.cross_entropy(a, y, reduction="none"), logits, at)
    several("loss softmax-cross-entropy 0.1",
            lambda a, y: F.cross_entropy(a, y, reduction="none", label_smoothing=0.1), logits, at)
    several("mean cross-entropy", F.cross_entropy, logits, at)
    several("cross-entropy with class weights", weighted, logits, at)
    several("focal loss", focal, logits[:1] + logits[2:], at[:1] + at[2:])
    # Every first of the classes' numbers becomes -1, which is ignored.
    ignored = [[spec[0] | {"below": spec[0]["below"] + 1, "first": -1}] for spec in at]
    several("cross-entropy with ignored labels",
            lambda a, y: F.cross_entropy(a, y, ignore_index=-1), logits, ignored)
    several("smoothed cross-entropy with ignored labels",
            lambda a, y: F.cross_entropy(a, y, ignore_index=-1, label_smoothing=0.2), logits, ignored)
    several("sum of cross-entropy with class weights and ignored labels",
            lambda a, y: F.cross_entropy(a, y, weight=class_weights(a), ignore_index=-1,
                                         reduction="sum"), logits, ignored)


def class_weights(logits):
    return torch.tensor([0.5 + 0.25 * j for j in range(logits.shape[1])])


def weighted(a, y):
    return F.cross_entropy(a, y, weight=class_weights(a), reduction="none")


def focal(a, y):
    chosen = torch.log_softmax(a, 1).gather(1, y[:, None])[:, 0]
    return -((1 - torch.exp(chosen)) ** 2) * chosen


def compositions():
    def of(name, function, *variants):
        several(name, function, [[operand(shape, -1.5, 1.5) for shape in v] for v in variants])

    of("layer norm", lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b),
       ([3, 4], [4], [4]), ([2, 3, 5], [5], [5]))
    of("root-mean-square norm", lambda x, g: F.rms_norm(x, x.shape[-1:], g, eps=1e-6),
       ([3, 4], [4]), ([2, 3, 5], [5]))
    of("batch norm", lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True),
       ([5, 3], [3], [3]), ([8, 2], [2], [2]))
    of("group norm", lambda x: F.group_norm(x, 2), ([2, 4, 3],), ([1, 6, 2],))
    of("attention head", F.scaled_dot_product_attention,
       ([3, 4], [5, 4], [5, 2]), ([2, 3, 2], [2, 3, 2], [2, 3, 3]))
    of("causal attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
       ([4, 3], [4, 3], [4, 2]))
    of("two attention heads", two_heads, ([3, 4], [4, 12], [4, 4]))
    of("gelu layers", lambda x, v, w: F.gelu(x @ v) @ w, ([3, 4], [4, 6], [6, 2]))
    of("gated layers", lambda x, u, v, w: (F.silu(x @ u) * (x @ v)) @ w,
       ([3, 4], [4, 5], [4, 5], [5, 2]))
    of("residual block", lambda x, v, w: x + torch.tanh(F.layer_norm(x, x.shape[-1:]) @ v) @ w,
       ([3, 4], [4, 6], [6, 4]))
    of("recurrent cell, three times", recurrent, ([2, 3], [3, 4], [4, 4], [4]))
    of("long short-term memory cell", memory_cell, ([2, 3], [2, 4], [2, 4], [3, 16], [4, 16]))
    of("gated recurrent cell", gated_cell, ([2, 3], [2, 4], [3, 12], [4, 12]))
    of("pairwise distances", lambda a, b: ((a[:, None] - b[None]) ** 2).sum(-1).sqrt(),
       ([3, 2], [4, 2]))
    of("mixture of normals", mixture, ([5], [3], [3], [3]))
    of("logistic regression with decay",
       lambda x, w: F.softplus(-(x @ w)).mean() + 0.01 * (w * w).sum(), ([6, 3], [3]))
    of("three layers", lambda x, u, v, w: F.relu(torch.tanh(x @ u) @ v) @ w,
       ([4, 3], [3, 5], [5, 4], [4, 2]))
    of("shared weights", lambda x, w: torch.tanh(torch.tanh(x @ w) @ w.T), ([3, 2], [2, 5]))
    of("weight normalisation", lambda x, v, g: x @ (g * v / torch.linalg.vector_norm(v, dim=0)),
       ([3, 4], [4, 2], [2]))
    of("gradient penalty", penalty, ([3, 4], [4, 2]), ([2, 2], [2, 3]))
    of("product of a Hessian and a vector", curvature, ([4], [4]), ([6], [6]))
    several("classifier from a table", lambda table, w, at, y:
            F.cross_entropy(F.embedding(at, table).mean(1) @ w, y),
            [[operand([6, 3]), operand([3, 4])]], [[labels([5, 2], 6), labels([5], 4)]])
    several("two layers and cross-entropy", lambda x, u, b, w, y:
            F.cross_entropy(torch.tanh(x @ u + b) @ w, y),
            [[operand([6, 3]), operand([3, 4]), operand([4]), operand([4, 3])]], [[labels([6], 3)]])


def two_heads(x, w, o):
    q, k, v = (part.reshape(3, 2, 2).transpose(0, 1) for part in (x @ w).split(4, 1))
    return F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(3, 4) @ o


def recurrent(x, u, w, b):
    h = torch.zeros(x.shape[0], w.shape[0])
    for _ in range(3):
        h = torch.tanh(x @ u + h @ w + b)
    return h


def memory_cell(x, h, c, u, w):
    i, f, g, o = (x @ u + h @ w).split(c.shape[1], 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c)


def gated_cell(x, h, u, w):
    (a, b, c), (d, e, f) = ((m).split(h.shape[1], 1) for m in (x @ u, h @ w))
    reset, update = torch.sigmoid(a + d), torch.sigmoid(b + e)
    return (1 - update) * torch.tanh(c + reset * f) + update * h


def mixture(x, a, mu, s):
    logs = torch.log_softmax(a, 0) - 0.5 * ((x[:, None] - mu) * torch.exp(-s)) ** 2 - s
    return torch.logsumexp(logs, 1)


def penalty(x, w):
    y = torch.tanh(x @ w).sum() + (x**3).sum()
    (slope,) = torch.autograd.grad(y, x, create_graph=True)
    return ((torch.linalg.vector_norm(slope, dim=1) - 1) ** 2).mean()


def curvature(x, v):
    y = (torch.sin(x) * torch.roll(x, 1, 0) ** 2).sum()
    (slope,) = torch.autograd.grad(y, x, create_graph=True)
    (product,) = torch.autograd.grad((slope * v).sum(), x, create_graph=True)
    return product


def main():
    here = Path(__file__).resolve().parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "operations.json"
    for part in (elementwise, reductions, products, movements, losses, compositions):
        part()
    document = {
        "cases": CASES,
        "leftOut": LEFT_OUT,
        "source": f"PyTorch {torch.__version__}, float64",
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    print(len({c["name"] for c in CASES}), "functions,", len(CASES), "cases,", len(text), "bytes")


if __name__ == "__main__":
    main()
