#!/usr/bin/env python3
"""Write NIST/linear.json and NIST/nonlinear.json: data and certified values of NIST's regressions.

usage: make_nist.py LINEAR_FOLDER NONLINEAR_FOLDER [OUTPUT_FOLDER]

The Statistical Reference Datasets (StRD) of the U.S. National Institute of Standards and
Technology, https://www.itl.nist.gov/div898/strd/, are works of the U.S. government and in the
public domain. Their files in NIST's own format are distributed with

  LINEAR_FOLDER     Debian's package gretl-data (2022c), usr/share/gretl/data/nist
  NONLINEAR_FOLDER  the source archive of lmfit (1.0.2) on PyPI, NIST_STRD

Nothing but NIST's numbers is taken over. Of each regression:

linear     name; y; x, the predictors row by row; parameters, the certified estimates;
           deviations, their certified standard deviations; residualSumOfSquares
nonlinear  the same, and starts, NIST's two starting points
"""

import json
import re
import sys
from pathlib import Path

LINEAR = [
    "Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley",
    "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5",
]
NONLINEAR = [
    "Misra1a", "Chwirut2", "Chwirut1", "Lanczos3", "Gauss1", "Gauss2", "DanWood", "Misra1b",
    "Kirby2", "Hahn1", "Nelson", "MGH17", "Lanczos1", "Lanczos2", "Gauss3", "Misra1c", "Misra1d",
    "Roszman1", "ENSO", "MGH09", "Thurber", "BoxBOD", "Rat42", "MGH10", "Eckerle4", "Rat43",
    "Bennett5",
]
NUMBER = r"[-+]?\d*\.?\d+(?:[ED][-+]?\d+)?"


def number(text):
    return float(text.upper().replace("D", "E"))


def observations(lines, name):
    """The rows (y, x...) after the line that starts with "Data:" and says which column is which."""
    start = max(index for index, line in enumerate(lines) if line.startswith("Data:"))
    heading = lines[start].removeprefix("Data:").split()
    assert "y" in heading[0].lower(), (name, heading)
    rows = [[number(word) for word in line.split()] for line in lines[start + 1:] if line.strip()]
    width = len(rows[0])
    assert all(len(row) == width for row in rows), name
    said = re.search(r"(\d+)\s+Observations", "\n".join(lines))
    assert int(said.group(1)) == len(rows), (name, len(rows))
    return {"y": [row[0] for row in rows], "x": [row[1:] for row in rows]}


def linear(folder, name):
    lines = (folder / f"{name}.dat").read_text(encoding="latin-1").splitlines()
    estimates = [
        match.groups() for line in lines
        if (match := re.fullmatch(rf"\s+B\d+\s+({NUMBER})\s+({NUMBER})\s*", line))
    ]
    residual = next(line.split() for line in lines if re.match(r"Residual\s+\d+\s", line))
    data = observations(lines, name)
    parameters = [number(estimate) for estimate, _ in estimates]
    assert int(residual[1]) == len(data["y"]) - len(parameters), name
    return {
        "name": name, **data, "parameters": parameters,
        "deviations": [number(deviation) for _, deviation in estimates],
        "residualSumOfSquares": number(residual[2]),
    }


def nonlinear(folder, name):
    lines = (folder / f"{name}.dat").read_text(encoding="latin-1").splitlines()
    rows = [
        [number(word) for word in match.groups()] for line in lines
        if (match := re.fullmatch(
            rf"\s+b\d+ =\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s*", line))
    ]
    said = next(line for line in lines if re.search(r"\d+ Parameters", line))
    assert int(said.split()[0]) == len(rows), (name, len(rows))
    text = "\n".join(lines)
    total = re.search(rf"Residual Sum of Squares:\s+({NUMBER})", text)
    return {
        "name": name, **observations(lines, name),
        "starts": [[row[0] for row in rows], [row[1] for row in rows]],
        "parameters": [row[2] for row in rows],
        "deviations": [row[3] for row in rows],
        "residualSumOfSquares": number(total.group(1)),
    }


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    output = Path(sys.argv[3]) if len(sys.argv) == 4 else Path(__file__).parent / "NIST"
    output.mkdir(parents=True, exist_ok=True)
    sets = {
        "linear": [linear(Path(sys.argv[1]), name) for name in LINEAR],
        "nonlinear": [nonlinear(Path(sys.argv[2]), name) for name in NONLINEAR],
    }
    source = (
        "NIST Statistical Reference Datasets, https://www.itl.nist.gov/div898/strd/; public domain"
        " (work of the U.S. government); written by make_nist.py from the files in "
    )
    taken = {"linear": "Debian's gretl-data", "nonlinear": "lmfit's source archive on PyPI"}
    for kind, regressions in sets.items():
        path = output / f"{kind}.json"
        body = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in regressions)
        head = json.dumps(source + taken[kind])
        path.write_text(f'{{"source":{head},\n"regressions":[\n{body}\n]}}\n')
        print(f"{path}: {len(regressions)} regressions, {path.stat().st_size} bytes")


main()
