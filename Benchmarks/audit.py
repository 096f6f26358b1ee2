#!/usr/bin/env python3
"""Wrong labels found by `ebb audit` and by Cleanlab, side by side on the same rows.

usage: audit.py [EBB] [--seeds N]      (needs: pip install -r Benchmarks/requirements-audit.txt)
  swift build -c release --product ebb
  python3 Benchmarks/audit.py .build/release/ebb

For each file and seed, 5 % of the labels are changed to another class, at random. Ebb: `ebb train` on
the changed file with its ordinary settings, then `ebb audit RUN`. Cleanlab: scikit-learn's
MLPClassifier((64,)) on standardized columns, probabilities by cross_val_predict over 5 folds, ranked by
Cleanlab's three scores. Among the first 5 % of a list precision and recall are the same number, because
as many rows are looked at as were changed.

Below that: how many rows each flags by its own threshold, with precision and recall of those. Labels
that were wrong in the file before count as falsely accused, for both alike.
"""
import csv
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = [("digits", "digit"), ("breast-cancer", "diagnosis"), ("iris", "species")]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
SHARE = 0.05


def flipped(name, target, seed):
    """Header, rows with changed labels, the column of the label, the set of changed rows."""
    with open(os.path.join(HERE, "..", "Examples", name + ".csv"), newline="") as file:
        header, *rows = csv.reader(file)
    column = header.index(target)
    classes = sorted({row[column] for row in rows})
    chance = random.Random(seed)
    changed = set(chance.sample(range(len(rows)), round(SHARE * len(rows))))
    for row in sorted(changed):
        rows[row][column] = chance.choice([c for c in classes if c != rows[row][column]])
    return header, rows, column, changed


def ebb(command, path, target, run):
    """Rows ranked with the trained networks, rows ranked by the model alone, rows flagged, seconds."""
    def output(*arguments):
        return subprocess.run([command, *arguments, "--quiet"], capture_output=True, check=True,
                              text=True).stdout

    start = time.perf_counter()
    output("train", path, "--target", target, "--output", run)
    trained = time.perf_counter()
    table = list(csv.DictReader(io.StringIO(output("audit", run, "--top", "all"))))
    seconds = (trained - start, time.perf_counter() - trained)
    alone = csv.DictReader(io.StringIO(output("audit", run, "--top", "all", "--folds", "0")))
    ranked = [int(row["row"]) - 1 for row in table]
    suspects = {int(row["row"]) - 1 for row in table if "wrong-label" in row["reason"]}
    return ranked, [int(row["row"]) - 1 for row in alone], suspects, seconds


def cleanlab(rows, column, seed):
    """Rows ranked by each score, rows flagged, seconds."""
    names = sorted({row[column] for row in rows})
    labels = np.array([names.index(row[column]) for row in rows])
    features = np.array([[float(v) for i, v in enumerate(row) if i != column] for row in rows])
    network = make_pipeline(StandardScaler(), MLPClassifier((64,), random_state=seed))
    start = time.perf_counter()
    probabilities = cross_val_predict(network, features, labels, cv=5, method="predict_proba")
    ranked = {
        score: list(np.argsort(get_label_quality_scores(labels, probabilities, method=score),
                               kind="stable"))
        for score in SCORES}
    suspects = set(find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence"))
    return ranked, suspects, time.perf_counter() - start


def found(ranked, changed):
    return len(changed & set(ranked[:len(changed)])) / len(changed)


def line(name, numbers):
    cells = " | ".join(f"{number:.3f}" for number in numbers)
    print(f"| {name} | {statistics.median(numbers):.3f} | {cells} |", flush=True)


def main():
    warnings.filterwarnings("ignore")
    arguments = sys.argv[1:]
    seeds = 5
    if "--seeds" in arguments:
        place = arguments.index("--seeds")
        seeds = int(arguments[place + 1])
        del arguments[place:place + 2]
    command = os.path.abspath(arguments[0] if arguments else ".build/release/ebb")
    for name, target in FILES:
        lists, flags, times = {}, {"ebb audit": [], "Cleanlab": []}, []
        with tempfile.TemporaryDirectory() as place:
            for seed in range(seeds):
                header, rows, column, changed = flipped(name, target, seed)
                path = os.path.join(place, f"{name}-{seed}.csv")
                with open(path, "w", newline="") as file:
                    csv.writer(file).writerows([header, *rows])
                ranked, alone, suspects, seconds = ebb(
                    command, path, target, os.path.join(place, f"run-{seed}"))
                lists.setdefault("ebb audit", []).append(found(ranked, changed))
                lists.setdefault("ebb audit --folds 0", []).append(found(alone, changed))
                others, accused, peer = cleanlab(rows, column, seed)
                for score in SCORES:
                    lists.setdefault(f"Cleanlab, {score}", []).append(found(others[score], changed))
                for who, rows_flagged in (("ebb audit", suspects), ("Cleanlab", accused)):
                    right = len(rows_flagged & changed)
                    flags[who].append((len(rows_flagged), right / max(1, len(rows_flagged)),
                                       right / len(changed)))
                times.append((*seconds, peer))
        print(f"\n{name}: {len(changed)} of {len(rows)} labels changed; precision and recall among"
              f" the first {len(changed)} rows\n")
        print("| | median | " + " | ".join(f"seed {seed}" for seed in range(seeds)) + " |")
        print("|---|" + "---|" * (seeds + 1))
        for title, numbers in lists.items():
            line(title, numbers)
        print()
        for who, numbers in flags.items():
            count, precision, recall = (statistics.median(column) for column in zip(*numbers))
            print(f"{who} flags {count:g} rows: precision {precision:.3f}, recall {recall:.3f}"
                  " (medians)")
        train, audit, peer = (statistics.median(column) for column in zip(*times))
        print(f"seconds: ebb train {train:.2f}, ebb audit {audit:.2f}, Cleanlab with its"
              f" cross-validation {peer:.2f}", flush=True)


main()
