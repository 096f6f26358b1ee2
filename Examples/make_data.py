#!/usr/bin/env python3
"""Write the example data files from the copies that scikit-learn ships.

usage: make_data.py [FOLDER]

FOLDER is where the files go; without it, the folder of this script. No network is used.
"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris


def shortest(value):
    """The shortest text that reads back as the same number; whole numbers have no point."""
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def write(path, columns, rows, target, answers):
    """One CSV file: a header, then the measurements of each row and its answer."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, target])
        for row, answer in zip(rows, answers, strict=True):
            writer.writerow([*(shortest(value) for value in row), answer])


def write_digits(path):
    digits = load_digits()
    columns = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    write(path, columns, digits.data, "digit", digits.target)


def write_iris(path):
    iris = load_iris()
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    documented = [f"{column.replace('_', ' ')} (cm)" for column in columns]
    if list(iris.feature_names) != documented:
        raise ValueError(f"unexpected iris columns: {iris.feature_names}")
    write(path, columns, iris.data, "species", iris.target_names[iris.target])


def write_breast_cancer(path):
    cancer = load_breast_cancer()
    columns = [name.replace(" ", "_") for name in cancer.feature_names]
    write(path, columns, cancer.data, "diagnosis", cancer.target_names[cancer.target])


def write_diabetes(path):
    diabetes = load_diabetes(scaled=False)
    columns = ["blood_pressure" if name == "bp" else name for name in diabetes.feature_names]
    answers = [shortest(answer) for answer in diabetes.target]
    write(path, columns, diabetes.data, "progression", answers)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    write_digits(folder / "digits.csv")
    write_iris(folder / "iris.csv")
    write_breast_cancer(folder / "breast-cancer.csv")
    write_diabetes(folder / "diabetes.csv")


if __name__ == "__main__":
    main()
