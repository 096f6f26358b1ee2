#!/usr/bin/env python3
"""How the cost of training grows in Ebb: with width, depth, batch and rows.

usage: growth.py EBB [--rounds 5] [--quick]

Prints a table and writes growth.svg beside this file. Time per step and that of its instructions
are those of `ebb bench --profile` with one thread; rows are those of a file for `ebb train`.
Backward is every instruction after the loss but the updates of the biases; a weight's update lies
within the product of its gradient, and counts as backward.
"""

import argparse
import os
import statistics
import tempfile

import plot
from ebb import Ebb
from tables import write_digits
from workloads import Workload

HERE = os.path.dirname(os.path.abspath(__file__))
EPOCHS = 5


def networks(quick: bool) -> dict[str, list[tuple[int, Workload]]]:
    """What is varied, with its value and the network."""
    widths = (32, 64, 128, 256, 512, 1024)
    depths = (1, 2, 4, 8, 16)
    batches = (1, 4, 16, 64, 256, 1024)
    if quick:
        widths, depths, batches = widths[:3], depths[:3], batches[:3]
    layers = "-".join
    return {
        "width": [(n, Workload(f"{n}-{n}-{n}-10", 64, "sgd")) for n in widths],
        "depth": [(n, Workload(layers(["128"] * (n + 1) + ["10"]), 64, "sgd")) for n in depths],
        "batch": [(n, Workload("256-256-256-10", n, "sgd")) for n in batches],
    }


def parts(profile: dict) -> dict[str, float]:
    """Microseconds of gathering, forward, backward and updating, told by names and order."""
    found = dict.fromkeys(("gather", "forward", "backward", "update"), 0.0)
    forward = True
    for instruction in profile["instructions"]:
        name = instruction["instruction"]
        if name.startswith("gather"):
            part = "gather"
        elif " in update " in name:
            part = "update"
        else:
            part = "forward" if forward else "backward"
        if name.endswith(" in loss"):
            forward = False
        found[part] += instruction["microseconds"]
    if forward:
        raise ValueError("no instruction of the profile is in loss")
    return found


def measure(ebb: Ebb, rounds: int, quick: bool) -> dict:
    """Rows of {varied, value, microsecondsPerStep, ratio, counted}, and seconds of training."""
    work = [
        (varied, value, workload)
        for varied, row in networks(quick).items()
        for value, workload in row
    ]
    steps = [ebb.steps_for(workload, 0.02 if quick else 0.08) for _, _, workload in work]
    found: list[list[dict]] = [[] for _ in work]
    for _ in range(rounds):
        for index, (_, _, workload) in enumerate(work):
            profile = ebb.bench(workload, 1, min(2000, steps[index]), "--profile")
            found[index].append(parts(profile) | {"step": profile["microsecondsPerStep"]})
    rows = []
    for (varied, value, workload), measured in zip(work, found):
        rows.append(
            {
                "varied": varied,
                "value": value,
                "layers": workload.layers if varied != "depth" else f"{value} × 128, 10",
                "batch": workload.batch,
                "microseconds": statistics.median(one["step"] for one in measured),
                "ratio": statistics.median(one["backward"] / one["forward"] for one in measured),
                "counted": workload.backward_operations / workload.forward_operations,
            }
        )
    return {"networks": rows, "training": training(ebb, rounds, quick)}


def training(ebb: Ebb, rounds: int, quick: bool) -> list[dict]:
    """Seconds of `ebb train`, the whole process, on files of so many rows."""
    counts = (1000, 2000) if quick else (1000, 3000, 10_000, 30_000, 100_000)
    found: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            write_digits(os.path.join(folder, f"{count}.csv"), count, labelled=True)
        for _ in range(min(rounds, 3)):
            for count in counts:
                found[count].append(
                    ebb.seconds(
                        "train", os.path.join(folder, f"{count}.csv"), "--target", "digit",
                        "--epochs", EPOCHS, "--patience", "none", "--quiet", "--force",
                        "--output", os.path.join(folder, "run"),
                    )
                )  # fmt: skip
    return [{"rows": count, "seconds": statistics.median(found[count])} for count in counts]


def draw(growth: dict) -> None:
    """Writes growth.svg."""

    def points(varied: str) -> list[tuple[float, float]]:
        return [
            (row["value"], row["microseconds"])
            for row in growth["networks"]
            if row["varied"] == varied
        ]

    rows = [(row["rows"], row["seconds"]) for row in growth["training"]]
    panels = [
        plot.Panel("Width n: n-n-n-10, batch 64", "width", "µs a step", points("width"), 2),
        plot.Panel("Depth: layers of 128, batch 64", "layers", "µs a step", points("depth"), 1),
        plot.Panel("Batch: 256-256-256-10", "batch", "µs a step", points("batch"), 1),
        plot.Panel(f"Rows: ebb train, {EPOCHS} epochs", "rows", "seconds", rows, 1),
    ]
    description = "How Ebb's cost grows; dashed: with the square of the width, or in proportion"
    with open(os.path.join(HERE, "growth.svg"), "w", encoding="utf-8") as file:
        file.write(plot.svg(panels, description))


def table(growth: dict) -> str:
    lines = [
        "| varied | network | batch | µs a step | backward ÷ forward, measured | operations |",
        "|---|---|---|---|---|---|",
    ]
    for row in growth["networks"]:
        lines.append(
            f"| {row['varied']} {row['value']:,} | {row['layers']} | {row['batch']} "
            f"| {row['microseconds']:,.1f} | {row['ratio']:.2f} | {row['counted']:.2f} |"
        )
    lines += ["", f"| rows of a file, {EPOCHS} epochs | seconds of `ebb train` |", "|---|---|"]
    lines += [f"| {row['rows']:,} | {row['seconds']:.2f} |" for row in growth["training"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ebb")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    growth = measure(Ebb(options.ebb), options.rounds, options.quick)
    draw(growth)
    print(table(growth))


if __name__ == "__main__":
    main()
