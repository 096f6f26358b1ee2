"""CSV files of any length, made of the handwritten digits with noise."""

import csv
import os
import random

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Examples")
DIGITS = os.path.join(EXAMPLES, "digits.csv")
IRIS = os.path.join(EXAMPLES, "iris.csv")


def write_digits(path: str, rows: int, labelled: bool) -> None:
    """Rows of Examples/digits.csv in turn, each pixel with noise below one, in hundredths."""
    with open(DIGITS, newline="", encoding="utf-8") as file:
        header, *examples = csv.reader(file)
    noise = random.Random(0)
    texts = [f"{value / 100:.2f}" for value in range(1800)]
    with open(path, "w", encoding="utf-8") as file:
        file.write(",".join(header if labelled else header[:-1]) + "\n")
        for index in range(rows):
            *pixels, digit = examples[index % len(examples)]
            hundredths = noise.randbytes(len(pixels))
            cells = [texts[100 * int(p) + h % 100] for p, h in zip(pixels, hundredths)]
            file.write(",".join(cells + [digit] if labelled else cells) + "\n")
