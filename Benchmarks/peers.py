#!/usr/bin/env python3
"""The work of `ebb bench`, done by a peer: samples per second of training a ReLU network.

usage: peers.py PEER LAYERS BATCH sgd|adam [STEPS] [THREADS]
       peers.py torch 784-128-10 32 sgd 2000 1
       peers.py PEER --serve THREADS

PEER: torch, jax (a whole epoch compiled), jaxstep (step by step), sklearn, numpy, keras.
Softmax cross-entropy, shuffled mini-batches gathered from a float32 matrix of 12,800 rows in
memory; learning rate 0.05 for sgd and 0.001 for adam. Prints one line of JSON.

With --serve the process stays: each line `LAYERS BATCH OPTIMIZER SECONDS` on standard input is
answered by a measurement of about so many seconds. A workload is prepared when it first comes.
"""

import json
import os
import sys
import time
import warnings

from workloads import ROWS, Workload

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def limit_threads(threads: int) -> None:
    """Must come before the first import of a peer: each reads these when it is loaded."""
    for variable in THREAD_VARIABLES + ("NPROC",):  # NPROC is what XLA's pool of threads reads.
        os.environ[variable] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["JAX_PLATFORMS"] = "cpu"


class Task:
    """A workload with its synthetic data: uniform inputs, random labels."""

    def __init__(self, workload: Workload, threads: int) -> None:
        import numpy as np

        self.workload, self.threads = workload, threads
        self.widths, self.batch = workload.widths, workload.batch
        self.adam = workload.optimizer == "adam"
        self.rate = 0.001 if self.adam else 0.05
        self.random = np.random.default_rng(0)
        self.features = self.random.random((ROWS, self.widths[0]), dtype=np.float32)
        self.labels = self.random.integers(0, self.widths[-1], ROWS).astype(np.int64)

    def batches(self, steps: int):
        """The row numbers of so many mini-batches, each epoch in a fresh order."""
        done = 0
        while True:
            order = self.random.permutation(ROWS)
            for start in range(0, ROWS - self.batch + 1, self.batch):
                if done == steps:
                    return
                yield order[start : start + self.batch]
                done += 1

    def subset(self, steps: int) -> tuple[int, int]:
        """For peers that train epochs: rows and epochs of about so many steps."""
        rows = min(ROWS, max(1_280, steps * self.batch))
        return rows - rows % self.batch, max(1, round(steps * self.batch / ROWS))


class Torch:
    module = "torch"

    def __init__(self, task: Task) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(task.threads)
        layers: list[nn.Module] = []
        for inputs, outputs in task.workload.pairs:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        parameters = self.network.parameters()
        if task.adam:
            self.optimizer = torch.optim.Adam(parameters, lr=task.rate, fused=True)
        else:
            self.optimizer = torch.optim.SGD(parameters, lr=task.rate)
        self.loss = nn.CrossEntropyLoss()
        self.task, self.from_numpy = task, torch.from_numpy
        self.features = torch.from_numpy(task.features)
        self.labels = torch.from_numpy(task.labels)

    def train(self, steps: int) -> tuple[int, float]:
        for rows in self.task.batches(steps):
            rows = self.from_numpy(rows)
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.network(self.features[rows]), self.labels[rows])
            loss.backward()
            self.optimizer.step()
        return steps, loss.item()


class JAXStep:
    """One compiled step, called once for each mini-batch."""

    module = "jax"

    def __init__(self, task: Task) -> None:
        import jax
        import jax.numpy as jnp
        import numpy as np
        import optax

        keys = jax.random.split(jax.random.PRNGKey(0), len(task.widths))
        self.parameters = [
            (jax.random.normal(key, (inputs, outputs)) * (2 / inputs) ** 0.5, jnp.zeros(outputs))
            for key, (inputs, outputs) in zip(keys, task.workload.pairs)
        ]
        optimizer = optax.adam(task.rate) if task.adam else optax.sgd(task.rate)
        self.state = optimizer.init(self.parameters)
        features, labels = jnp.asarray(task.features), jnp.asarray(task.labels.astype(np.int32))

        def loss(parameters, inputs, targets):
            for index, (weights, bias) in enumerate(parameters):
                inputs = inputs @ weights + bias
                if index < len(parameters) - 1:
                    inputs = jax.nn.relu(inputs)
            return optax.softmax_cross_entropy_with_integer_labels(inputs, targets).mean()

        def step(parameters, state, rows):
            value, gradients = jax.value_and_grad(loss)(parameters, features[rows], labels[rows])
            updates, state = optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state, value

        self.task = task
        self.compile(step)

    def compile(self, step) -> None:
        import jax

        self.step = jax.jit(step)

    def train(self, steps: int) -> tuple[int, float]:
        for rows in self.task.batches(steps):
            self.parameters, self.state, loss = self.step(self.parameters, self.state, rows)
        return steps, float(loss)


class JAX(JAXStep):
    """Many steps in one compiled loop: an epoch, or fewer where that takes some seconds."""

    def compile(self, step) -> None:
        from functools import partial

        import jax

        affordable = int(1.4e11 / self.task.workload.operations)
        self.chunk = max(1, min(ROWS // self.task.batch, affordable))

        @partial(jax.jit, donate_argnums=(0, 1))
        def epoch(parameters, state, order):
            def body(carry, rows):
                parameters, state, loss = step(*carry, rows)
                return (parameters, state), loss

            (parameters, state), losses = jax.lax.scan(body, (parameters, state), order)
            return parameters, state, losses[-1]

        self.epoch = epoch

    def train(self, steps: int) -> tuple[int, float]:
        import jax.numpy as jnp
        import numpy as np

        done = 0
        while done < steps:
            order = np.stack(list(self.task.batches(self.chunk))).astype(np.int32)
            self.parameters, self.state, loss = self.epoch(
                self.parameters, self.state, jnp.asarray(order)
            )
            done += self.chunk
        return done, float(loss)


class ScikitLearn:
    module = "sklearn"

    def __init__(self, task: Task) -> None:
        from sklearn.neural_network import MLPClassifier

        warnings.filterwarnings("ignore")
        self.task = task
        self.network = MLPClassifier(
            hidden_layer_sizes=tuple(task.widths[1:-1]),
            batch_size=task.batch,
            solver=task.workload.optimizer,
            learning_rate_init=task.rate,
            alpha=0,
            momentum=0,
            n_iter_no_change=10**6,
            tol=0,
            warm_start=True,
        )

    def train(self, steps: int) -> tuple[int, float]:
        rows, epochs = self.task.subset(steps)
        self.network.set_params(max_iter=epochs)
        self.network.fit(self.task.features[:rows], self.task.labels[:rows])
        return epochs * rows // self.task.batch, float(self.network.loss_)


class Keras:
    """Keras on TensorFlow."""

    module = "keras"

    def __init__(self, task: Task) -> None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(task.threads)
        import keras

        self.task = task
        hidden = [keras.layers.Dense(width, activation="relu") for width in task.widths[1:-1]]
        self.network = keras.Sequential(
            [keras.layers.Input((task.widths[0],)), *hidden, keras.layers.Dense(task.widths[-1])]
        )
        optimizer = keras.optimizers.Adam if task.adam else keras.optimizers.SGD
        self.network.compile(
            optimizer(task.rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )

    def train(self, steps: int) -> tuple[int, float]:
        rows, epochs = self.task.subset(steps)
        history = self.network.fit(
            self.task.features[:rows],
            self.task.labels[:rows],
            batch_size=self.task.batch,
            epochs=epochs,
            verbose=0,
        )
        return epochs * rows // self.task.batch, float(history.history["loss"][-1])


class NumPy:
    """Forward and backward written by hand, with plain gradient descent."""

    module = "numpy"

    def __init__(self, task: Task) -> None:
        import numpy as np

        if task.adam:
            raise NotImplementedError("the NumPy peer has no Adam")
        self.np, self.task = np, task
        self.parameters = [
            (
                (task.random.standard_normal((inputs, outputs)) * (2 / inputs) ** 0.5).astype(
                    np.float32
                ),
                np.zeros(outputs, np.float32),
            )
            for inputs, outputs in task.workload.pairs
        ]

    def train(self, steps: int) -> tuple[int, float]:
        for rows in self.task.batches(steps):
            loss = self.step(rows)
        return steps, float(loss)

    def step(self, rows):
        np, each = self.np, self.np.arange(self.task.batch)
        values, targets = [self.task.features[rows]], self.task.labels[rows]
        for index, (weights, bias) in enumerate(self.parameters):
            value = values[-1] @ weights
            value += bias
            if index < len(self.parameters) - 1:
                np.maximum(value, 0, out=value)
            values.append(value)
        logits = values.pop()
        logits -= logits.max(1, keepdims=True)
        exponentials = np.exp(logits)
        sums = exponentials.sum(1, keepdims=True)
        loss = -(logits[each, targets] - np.log(sums[:, 0])).mean()
        delta = exponentials / sums
        delta[each, targets] -= 1
        delta /= self.task.batch
        for index in reversed(range(len(self.parameters))):
            weights, bias = self.parameters[index]
            weights_gradient, bias_gradient = values[index].T @ delta, delta.sum(0)
            if index:
                delta = (delta @ weights.T) * (values[index] > 0)
            weights -= self.task.rate * weights_gradient
            bias -= self.task.rate * bias_gradient
        return loss


PEERS = {
    "torch": Torch,
    "jax": JAX,
    "jaxstep": JAXStep,
    "sklearn": ScikitLearn,
    "numpy": NumPy,
    "keras": Keras,
}


class Measurement:
    """A prepared peer, warmed up, that can be timed again and again."""

    def __init__(self, peer: str, workload: Workload, threads: int) -> None:
        self.peer, self.workload, self.threads = peer, workload, threads
        self.trainer = PEERS[peer](Task(workload, threads))
        self.steps = 0

    def calibrate(self, seconds: float) -> None:
        """Compiles and warms up, then finds how many steps take so many seconds."""
        steps, elapsed = 1, 0.0
        self.trainer.train(1)
        while elapsed < seconds / 8:
            start = time.perf_counter()
            done, _ = self.trainer.train(steps)
            elapsed = time.perf_counter() - start
            steps = 2 * done
        self.steps = max(1, round(done * seconds / elapsed))

    def run(self, warm_up: int) -> dict:
        self.trainer.train(warm_up)
        start = time.perf_counter()
        done, loss = self.trainer.train(self.steps)
        seconds = time.perf_counter() - start
        return {
            "peer": self.peer,
            "version": version(PEERS[self.peer].module),
            "layers": self.workload.layers,
            "batch": self.workload.batch,
            "optimizer": self.workload.optimizer,
            "threads": self.threads,
            "samplesPerSecond": done * self.workload.batch / seconds,
            "loss": loss,
        }


def version(module: str) -> str:
    return __import__(module).__version__


def serve(peer: str, threads: int) -> None:
    """Answers each workload on standard input; one that fails is answered by its error."""
    print(json.dumps({"peer": peer, "version": version(PEERS[peer].module)}), flush=True)
    prepared: dict[Workload, Measurement] = {}
    for line in sys.stdin:
        layers, batch, optimizer, seconds = line.split()
        workload = Workload(layers, int(batch), optimizer)
        try:
            if workload not in prepared:
                prepared[workload] = Measurement(peer, workload, threads)
                prepared[workload].calibrate(float(seconds))
            answer = prepared[workload].run(warm_up=max(1, prepared[workload].steps // 10))
        except NotImplementedError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


def main(arguments: list[str]) -> None:
    if len(arguments) == 3 and arguments[0] in PEERS and arguments[1] == "--serve":
        limit_threads(int(arguments[2]))
        serve(arguments[0], int(arguments[2]))
        return
    if len(arguments) not in (4, 5, 6) or arguments[0] not in PEERS:
        sys.exit(__doc__)
    peer, layers, batch, optimizer = arguments[:4]
    steps = int(arguments[4]) if len(arguments) > 4 else 1000
    threads = int(arguments[5]) if len(arguments) > 5 else 1
    limit_threads(threads)
    measurement = Measurement(peer, Workload(layers, int(batch), optimizer), threads)
    measurement.steps = steps
    print(json.dumps(measurement.run(warm_up=max(50, steps // 10))))


if __name__ == "__main__":
    main(sys.argv[1:])
