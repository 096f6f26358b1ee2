#!/usr/bin/env python3
"""Ebb and PyTorch on the same work, in turn in one run; writes Benchmarks/RESULTS.md.

usage: compare.py [EBB] [ROUNDS]      (needs: pip install torch numpy)
  swift build -c release --product ebb
  python3 Benchmarks/compare.py .build/release/ebb 5
"""
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

EBB = sys.argv[1] if len(sys.argv) > 1 else ".build/release/ebb"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
HERE = os.path.dirname(os.path.abspath(__file__))
# Network, batch, optimizer, steps of Ebb, steps of PyTorch: about half a second each.
WORK = [
    ("784-128-10", 32, "sgd", 2500, 700),
    ("64-32-10", 32, "sgd", 40000, 1200),
    ("784-128-10", 128, "adam", 600, 350),
    ("784-512-512-10", 128, "sgd", 120, 80),
    ("784-2048-2048-10", 512, "adam", 4, 4),
]


def ebb(layers, batch, optimizer, steps, threads):
    command = [EBB, "bench", "--layers", layers, "--batch", str(batch), "--optimizer", optimizer,
               "--steps", str(steps), "--threads", str(threads), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
        "samplesPerSecond"]


def pytorch(layers, batch, optimizer, steps, threads):
    command = [sys.executable, os.path.join(HERE, "pytorch.py"), layers, str(batch), optimizer,
               str(steps), str(threads)]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return float(text.split(" samples/s")[0].split()[-1])


def cell(numbers):
    return (f"{statistics.median(numbers):,.0f} ({min(numbers):,.0f} to {max(numbers):,.0f})")


def main():
    import torch

    lines = []
    for layers, batch, optimizer, own_steps, peer_steps in WORK:
        names = ("Ebb", "PyTorch")
        found = {(name, threads): [] for name in names for threads in (1, 2)}
        for _ in range(ROUNDS):
            for threads in (1, 2):
                found["Ebb", threads].append(ebb(layers, batch, optimizer, own_steps, threads))
                found["PyTorch", threads].append(
                    pytorch(layers, batch, optimizer, peer_steps, threads))
        best = {name: max(statistics.median(found[name, t]) for t in (1, 2)) for name in names}
        cells = [cell(found[name, t]) for name in names for t in (1, 2)]
        lines.append(f"| {layers}, {batch}, {optimizer} | " + " | ".join(cells)
                     + f" | {best['Ebb'] / best['PyTorch']:.2f} |")
        print(lines[-1], flush=True)
    processor = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        processor = next((line.split(":")[1].strip() for line in file if "model name" in line),
                         processor)
    with open(os.path.join(HERE, "RESULTS.md"), "w") as file:
        file.write(f"""# Ebb beside PyTorch

Samples per second, median of {ROUNDS} (lowest to highest), measured in turn in one run by `python3 Benchmarks/compare.py`. {processor}, {os.cpu_count()} cores; PyTorch {torch.__version__}; {datetime.date.today()}. The last column divides the better median of one and two threads of each.

| network, batch, optimizer | Ebb, 1 thread | Ebb, 2 threads | PyTorch, 1 thread | PyTorch, 2 threads | ratio |
|---|---|---|---|---|---|
""" + "\n".join(lines) + "\n")


main()
