#!/usr/bin/env python3
"""Matrix products of training steps by OpenBLAS, BLIS and MKL, in single precision: GFLOP/s.

usage: products.py [--library NAME] [--threads 1] [--rounds 7] [--large] [LAYERS:BATCH ...]
       products.py --threads 2 --large
       products.py 784-128-10:32 64-32-10:32

The products are those that `ebb bench --kernels` lists: forward, the gradient of the inputs with
the second operand transposed, that of the weights with the first; --large is 2048×2048×2048.
Without networks and without --large: all of the five networks and 2048³. A line of JSON for each
product and library, with the best and the median of the rounds.

Found are libopenblas.so.0, libblis.so.4 (Debian: libopenblas0-pthread, libblis4-pthread) and
libmkl_rt (pip install mkl).
"""

import argparse
import ctypes
import glob
import json
import os
import statistics
import sys
import time

from workloads import LARGE, WORKLOADS, Product, products

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112
PATTERNS = {
    "OpenBLAS": ["/usr/lib/*/openblas-pthread/libopenblas.so.0", "/usr/lib*/libopenblas.so.0"],
    "BLIS": ["/usr/lib/*/blis-pthread/libblis.so.4", "/usr/lib*/libblis.so.4"],
    "MKL": [sys.prefix + "/lib/libmkl_rt.so*", "/usr/lib/*/libmkl_rt.so*"],
}
OPERATIONS_PER_ROUND = 2e8


def find(name: str) -> str | None:
    """The file of a library, or None where it is not installed."""
    return next((path for pattern in PATTERNS[name] for path in glob.glob(pattern)), None)


def installed() -> list[str]:
    return [name for name in PATTERNS if find(name)]


def measure(library: ctypes.CDLL, product: Product, rounds: int) -> tuple[float, float]:
    """GFLOP/s, the best and the median of rounds of about 2e8 operations, or of one product."""
    import numpy as np

    random = np.random.default_rng(0)

    def operand(rows: int, columns: int, transposed: bool):
        shape = (columns, rows) if transposed else (rows, columns)
        return random.random(shape, dtype=np.float32)

    a = operand(product.m, product.k, product.a_transposed)
    b = operand(product.k, product.n, product.b_transposed)
    c = np.zeros((product.m, product.n), np.float32)
    integer, real = ctypes.c_int, ctypes.c_float
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (a, b, c)]
    arguments = (
        integer(ROW_MAJOR),
        integer(TRANSPOSED if product.a_transposed else PLAIN),
        integer(TRANSPOSED if product.b_transposed else PLAIN),
        integer(product.m), integer(product.n), integer(product.k),
        real(1), pointers[0], integer(a.shape[1]), pointers[1], integer(b.shape[1]),
        real(0), pointers[2], integer(product.n),
    )  # fmt: skip
    multiply = library.cblas_sgemm
    repetitions = max(1, int(OPERATIONS_PER_ROUND / product.operations))
    for _ in range(3 if product.operations < 1e9 else 1):
        multiply(*arguments)
    expected = (a.T if product.a_transposed else a)[:2] @ (b.T if product.b_transposed else b)
    if not np.allclose(c[:2], expected, rtol=1e-4):
        raise ArithmeticError(f"the product {product.size} is wrong")

    def seconds(arguments: tuple) -> float:
        start = time.perf_counter()
        for _ in range(repetitions):
            multiply(*arguments)
        return (time.perf_counter() - start) / repetitions

    # A product without rows costs the call from Python alone, which is not the library's time.
    empty = arguments[:3] + (integer(0),) + arguments[4:]
    pairs = [(seconds(empty), seconds(arguments)) for _ in range(rounds)]
    calls, whole = zip(*pairs)

    def rate(of) -> float:
        return product.operations / (of(whole) - of(calls)) / 1e9

    return rate(min), rate(statistics.median)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--library", choices=list(PATTERNS), action="append")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("networks", nargs="*")
    options = parser.parse_args()
    # The libraries, and NumPy with a library of its own, read these when they are loaded.
    for prefix in ("OMP", "MKL", "OPENBLAS", "BLIS"):
        os.environ[f"{prefix}_NUM_THREADS"] = str(options.threads)

    networks = [(name, int(batch)) for name, batch in (n.split(":") for n in options.networks)]
    if not networks and not options.large:
        networks = [(workload.layers, workload.batch) for workload in WORKLOADS]
    work = [product for network in networks for product in products(*network)]
    if options.large or not options.networks:
        work.append(LARGE)
    names = options.library or installed()
    if not names:
        sys.exit("products.py: found none of OpenBLAS, BLIS and MKL")
    libraries = {name: ctypes.CDLL(find(name)) for name in names}
    for product in work:
        for name, library in libraries.items():
            best, median = measure(library, product, options.rounds)
            print(
                json.dumps(
                    {
                        "library": name,
                        "threads": options.threads,
                        "m": product.m,
                        "n": product.n,
                        "k": product.k,
                        "aTransposed": product.a_transposed,
                        "bTransposed": product.b_transposed,
                        "form": product.form,
                        "gflops": best,
                        "median": median,
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
