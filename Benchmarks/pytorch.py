#!/usr/bin/env python3
"""The work of `ebb bench`, done by PyTorch: samples per second of training a ReLU network.

usage: pytorch.py LAYERS BATCH sgd|adam STEPS THREADS
       pytorch.py 784-128-10 32 sgd 3000 1

12,800 synthetic rows in memory, each mini-batch gathered from a fresh shuffle; learning rate
0.05 for sgd and 0.001 for adam. Needs PyTorch (pip install torch numpy).
"""

import sys
import time

import torch

ROWS = 12_800


def main() -> None:
    widths = [int(width) for width in sys.argv[1].split("-")]
    batch, steps, threads = int(sys.argv[2]), int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(threads)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    if sys.argv[3] == "sgd":
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    else:
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    features = torch.rand(ROWS, widths[0])
    labels = torch.randint(widths[-1], (ROWS,))

    def train(count: int) -> torch.Tensor:
        done = 0
        while True:
            for rows in torch.randperm(ROWS).split(batch):
                if len(rows) < batch:
                    continue
                optimizer.zero_grad(set_to_none=True)
                loss = loss_of(network(features[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                done += 1
                if done == count:
                    return loss

    train(max(50, steps // 10))
    start = time.perf_counter()
    loss = train(steps)
    seconds = time.perf_counter() - start
    print(
        f"PyTorch {torch.__version__}, {sys.argv[1]}, batch {batch}, {sys.argv[3]}, "
        f"{threads} threads: {steps * batch / seconds:.0f} samples/s, loss {loss.item():.4f}"
    )


if __name__ == "__main__":
    main()
