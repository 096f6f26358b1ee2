#!/usr/bin/env python3
"""Ebb and every peer on the same work, in turns in one run; writes RESULTS.md and growth.svg.

usage: compare.py EBB [--rounds 5] [--quick] [--raw FILE]
       swift build -c release --product ebb
       python3 Benchmarks/compare.py .build/release/ebb

--quick takes tiny turns: it shows that everything runs, and measures nothing. --raw also writes
all measurements as JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import growth
import predict
import report
from ebb import Ebb
from peers import PEERS
from products import installed
from turns import HERE, loaded_cores, peer_processes
from workloads import WORKLOADS

THREADS = (1, 2)


def progress(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def library_products(*arguments: str) -> list[dict]:
    """The lines of products.py; each library in a process of its own, as its threads may spin."""
    found = []
    for library in installed():
        command = [sys.executable, os.path.join(HERE, "products.py"), "--library", library]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        found += map(json.loads, done.stdout.splitlines())
    return found


def measure_limits(ebb: Ebb, threads: int) -> dict:
    """The machine's limits for a number of threads: GFLOP/s and GB/s."""
    answer = ebb.bench(WORKLOADS[1], threads, 50, "--profile")
    return {"multiplyAdd": answer["gflopsLimit"], "stream": answer["gigabytesLimit"]}


def measure_rates(ebb: Ebb, rounds: int, seconds: float) -> dict:
    """Samples per second of everyone, and the limits, round by round."""
    steps = {workload: ebb.steps_for(workload, seconds) for workload in WORKLOADS}
    found = []
    with peer_processes(list(PEERS), THREADS) as (processes, missing):
        versions = {process.peer: process.version for process in processes}
        for number in range(rounds):
            limits = {}
            for threads in THREADS:
                limits[threads] = measure_limits(ebb, threads)
                large = library_products("--large", "--threads", str(threads), "--rounds", "2")
                limits[threads]["large"] = {one["library"]: one["gflops"] for one in large}
            rows = []
            for workload in WORKLOADS:
                progress(f"round {number + 1} of {rounds}: {workload.name}")
                own = {t: ebb.rate(workload, t, steps[workload]) for t in THREADS}
                row = {"Ebb": {t: own[t]["samplesPerSecond"] for t in THREADS}}
                for process in processes:
                    rate = process.measure(workload, seconds)
                    if rate is not None:
                        row.setdefault(process.peer, {})[process.threads] = rate
                peak = max(answer["peakMemory"] for answer in own.values())
                rows.append({"rates": row, "peakMemory": peak})
            found.append({"limits": limits, "rows": rows})
    return {"rounds": found, "versions": versions, "missing": missing}


def measure_kernels(ebb: Ebb, rounds: int) -> list[list[dict]]:
    """In each round, a line for each product: Ebb's GFLOP/s and those of the libraries."""
    found = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: matrix products")
        lines = []
        for workload in WORKLOADS:
            own = ebb.bench(workload, 1, 50, "--kernels")["products"]
            lines += [one | {"rates": {"Ebb": one["gflops"]}} for one in own]
            keys = ("m", "n", "k", "form")
            by_product = {tuple(line[key] for key in keys): line for line in lines}
            for one in library_products(f"{workload.layers}:{workload.batch}"):
                by_product[tuple(one[key] for key in keys)]["rates"][one["library"]] = one["gflops"]
        found.append(lines)
    return found


def measure_loaded(ebb: Ebb, rounds: int, seconds: float) -> list[list[dict]]:
    """Ebb's rates while another process keeps every core but one busy."""
    steps = [ebb.steps_for(workload, seconds) for workload in WORKLOADS]
    found = []
    with loaded_cores(max(1, (os.cpu_count() or 1) - 1)):
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}: loaded cores")
            found.append(
                [
                    {t: ebb.rate(workload, t, count)["samplesPerSecond"] for t in THREADS}
                    for workload, count in zip(WORKLOADS, steps)
                ]
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ebb")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--raw")
    options = parser.parse_args()
    ebb, quick = Ebb(options.ebb), options.quick
    rounds = min(2, options.rounds) if quick else options.rounds
    seconds = 0.02 if quick else 0.5

    start = time.perf_counter()
    results = {"version": ebb.version, "quick": quick, "cores": os.cpu_count()}
    results["rates"] = measure_rates(ebb, rounds, seconds)
    results["kernels"] = measure_kernels(ebb, min(3, rounds))
    results["loaded"] = measure_loaded(ebb, min(3, rounds), seconds)
    progress("predictions")
    results["predict"] = predict.measure(ebb, min(3, rounds), quick)
    progress("growth")
    results["growth"] = growth.measure(ebb, min(3, rounds), quick)
    results["seconds"] = time.perf_counter() - start
    if options.raw:
        with open(options.raw, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    growth.draw(results["growth"])
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write(report.write(results))
    progress(f"RESULTS.md is written after {results['seconds'] / 60:.1f} minutes")


if __name__ == "__main__":
    main()
