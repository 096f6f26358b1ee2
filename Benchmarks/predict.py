#!/usr/bin/env python3
"""Predicting 100,000 rows, and training on the iris data, as whole processes and in memory.

usage: predict.py EBB [--rounds 5] [--quick]

`ebb predict` beside PyTorch, scikit-learn and ONNX Runtime, each reading a CSV file of 64 columns
and writing the classes; `ebb train Examples/iris.csv` beside a scikit-learn script. Prints JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from ebb import Ebb
from tables import DIGITS, IRIS, write_digits

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"torch": "PyTorch", "sklearn": "scikit-learn", "onnx": "ONNX Runtime"}


def script(name: str, *arguments: str) -> tuple[float, str]:
    """Seconds and output of a peer's whole process."""
    command = [sys.executable, os.path.join(HERE, name), *map(str, arguments)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    return seconds, done.stdout


def measure(ebb: Ebb, rounds: int, quick: bool) -> dict:
    """Seconds of every round: {"rows", "file": {name: [...]}, "memory": {...}, "iris": {...}}."""
    rows = 2_000 if quick else 100_000
    names = ["Ebb", *PEERS.values()]
    files: dict[str, list[float]] = {name: [] for name in names}
    memory: dict[str, list[dict]] = {name: [] for name in names}
    iris: dict[str, list[float]] = {"Ebb": [], "scikit-learn": []}
    with tempfile.TemporaryDirectory() as folder:
        data, out = os.path.join(folder, "rows.csv"), os.path.join(folder, "out.csv")
        run = os.path.join(folder, "digits")
        write_digits(data, rows, labelled=False)
        ebb.run("train", DIGITS, "--target", "digit", "--hidden", 128, "--quiet", "--output", run)
        script("predict_peer.py", "prepare", folder)
        for _ in range(rounds):
            files["Ebb"].append(
                ebb.seconds("predict", run, data, "--output", out, "--force", "--quiet")
            )
            for peer, name in PEERS.items():
                files[name].append(script("predict_peer.py", peer, "csv", folder, data, out)[0])
            memory["Ebb"] += in_memory(ebb)
            for peer, name in PEERS.items():
                answer = script("predict_peer.py", peer, "memory", folder, rows)[1]
                memory[name].append(json.loads(answer))
            iris["Ebb"].append(
                ebb.seconds(
                    "train", IRIS, "--target", "species", "--quiet", "--force",
                    "--output", os.path.join(folder, "iris"),
                )
            )  # fmt: skip
            iris["scikit-learn"].append(script("iris_peer.py", IRIS)[0])
    memory = {name: found for name, found in memory.items() if found}
    return {"rows": rows, "file": files, "memory": memory, "iris": iris}


def in_memory(ebb: Ebb) -> list[dict]:
    """What `ebb bench --predict` reports, or nothing where the command does not have it."""
    try:
        answer = ebb.run("bench", "--predict", "--layers", "64-128-10", "--threads", 2, "--json")
    except RuntimeError:
        return []
    return [json.loads(answer)]


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ebb")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print(json.dumps(measure(Ebb(options.ebb), options.rounds, options.quick), indent=2))


if __name__ == "__main__":
    main()
