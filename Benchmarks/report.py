"""RESULTS.md: the tables of a run of compare.py, and what they say."""

import datetime
import platform
import statistics
from statistics import median

import growth
from ebb import spread
from workloads import LARGE, WORKLOADS, Workload

NAMES = {
    "torch": "PyTorch",
    "jax": "JAX, epoch compiled",
    "jaxstep": "JAX, step by step",
    "sklearn": "scikit-learn",
    "numpy": "NumPy by hand",
    "keras": "Keras",
}
ENOUGH_OF_LIMIT = 0.85


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


class Row:
    """What the rounds say about one workload. Ratios are taken within a round, then the median."""

    def __init__(self, index: int, rounds: list[dict]) -> None:
        self.workload: Workload = WORKLOADS[index]
        self.rounds = [one["rows"][index]["rates"] for one in rounds]
        self.limits = [one["limits"] for one in rounds]
        self.peak_memory = max(one["rows"][index]["peakMemory"] for one in rounds)
        self.threads = max((1, 2), key=lambda threads: median(self.rates("Ebb", threads)))
        pairs = [
            (name, threads)
            for name, rates in self.rounds[0].items()
            if name != "Ebb"
            for threads in rates
        ]
        self.best_peer = max(pairs, key=lambda pair: median(self.rates(*pair)), default=None)

    def rates(self, name: str, threads: int) -> list[float]:
        return [one[name][threads] for one in self.rounds]

    @property
    def ratio(self) -> float:
        """To the best peer, each with its better number of threads."""
        if self.best_peer is None:
            return float("nan")
        own, peer = self.rates("Ebb", self.threads), self.rates(*self.best_peer)
        return median(a / b for a, b in zip(own, peer))

    @property
    def speed_up(self) -> list[float]:
        return [b / a for a, b in zip(self.rates("Ebb", 1), self.rates("Ebb", 2))]

    def of_limit(self, threads: int) -> float:
        """The share of the limit: large products at the best library's rate, optimizer's bytes."""
        shares = []
        for rate, limits in zip(self.rates("Ebb", threads), self.limits):
            best = max(limits[threads]["large"].values(), default=float("nan"))
            least = self.workload.limit_seconds(best * 1e9, limits[threads]["stream"] * 1e9)
            shares.append(least * rate / self.workload.batch)
        return median(shares)

    def of_processor(self, threads: int) -> float:
        """The share of the multiply-adds that the cores can do on registers."""
        operations = self.workload.operations / self.workload.batch
        return median(
            rate * operations / (limits[threads]["multiplyAdd"] * 1e9)
            for rate, limits in zip(self.rates("Ebb", threads), self.limits)
        )

    @property
    def met(self) -> bool:
        return self.missing <= 1

    @property
    def missing(self) -> float:
        """The factor to what is required: the ratio, or enough of the limit where that is less.

        The last row requires both, which comes to enough of the limit.
        """
        by_limit = ENOUGH_OF_LIMIT / self.of_limit(self.threads)
        if self.workload is WORKLOADS[-1]:
            return by_limit
        return min(self.workload.required / self.ratio, by_limit)

    @property
    def reading(self) -> str:
        state = "met" if self.met else f"missed by a factor of {self.missing:.2f}"
        return (
            f"{self.workload.name}: {state}; {self.ratio:.2f} × {self.peer_name}, required "
            f"{self.workload.required} ×, at {percent(self.of_limit(self.threads))} of the limit"
        )

    @property
    def peer_name(self) -> str:
        if self.best_peer is None:
            return "no peer"
        name, threads = self.best_peer
        return f"{NAMES[name]} ({threads} thread{'s' if threads > 1 else ''})"


def target_table(rows: list[Row]) -> str:
    header = ["network, batch, optimizer", "Ebb", "best peer", "ratio", "required", "hoped for"]
    header += ["of the limit, 1 and 2 threads", "of the processor", "met"]
    lines = []
    for row in rows:
        shares = [f"{percent(row.of_limit(1))}, {percent(row.of_limit(2))}"]
        shares.append(f"{percent(row.of_processor(1))}, {percent(row.of_processor(2))}")
        best = "—"
        if row.best_peer is not None:
            best = f"{row.peer_name}: {spread(row.rates(*row.best_peer))}"
        own = f"{row.threads} thread{'s' if row.threads > 1 else ''}: "
        own += spread(row.rates("Ebb", row.threads))
        wanted = [f"{row.workload.required}", f"{row.workload.hoped}"]
        met = "yes" if row.met else "no"
        lines.append([row.workload.name, own, best, f"**{row.ratio:.2f}**", *wanted, *shares, met])
    return table(header, lines)


def rates_table(rows: list[Row], threads: int) -> str:
    names = ["Ebb", *NAMES]
    lines = []
    for row in rows:
        cells = [
            spread(row.rates(name, threads)) if threads in row.rounds[0].get(name, {}) else "—"
            for name in names
        ]
        lines.append([row.workload.name, *cells])
    return table(["network, batch, optimizer", "Ebb", *NAMES.values()], lines)


def limits_table(rounds: list[dict]) -> str:
    libraries = list(rounds[0]["limits"][1]["large"])
    lines = []
    for threads in (1, 2):
        limits = [one["limits"][threads] for one in rounds]
        cells = [spread([one["large"][name] for one in limits]) for name in libraries]
        cells += [spread([one[key] for one in limits]) for key in ("multiplyAdd", "stream")]
        lines.append([str(threads), *cells])
    header = ["threads", *(f"{name} {LARGE.size}, GFLOP/s" for name in libraries)]
    return table([*header, "multiply-adds on registers, GFLOP/s", "memory stream, GB/s"], lines)


def threads_table(rows: list[Row], loaded: list[list[dict]]) -> str:
    lines = []
    for index, row in enumerate(rows):
        under_load = [one[index][2] / one[index][1] for one in loaded]
        idle = spread(row.speed_up, 2)
        lines.append([row.workload.name, idle, spread(under_load, 2)])
    header = ["network, batch, optimizer", "2 threads ÷ 1, idle"]
    return table([*header, "2 threads ÷ 1, all cores but one loaded"], lines)


def memory_table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        used, allowed = row.peak_memory / 1e6, row.workload.memory_allowed / 1e6
        met = "yes" if used <= allowed else "no"
        lines.append([row.workload.name, f"{used:.0f} MB", f"{allowed:.0f} MB", met])
    return table(["network, batch, optimizer", "peak of the process", "allowed", "met"], lines)


def kernel_ratios(kernels: list[list[dict]]) -> list[float]:
    """For each product, Ebb's rate over that of the best library: the median of the rounds."""
    ratios = []
    for lines in zip(*kernels):
        found = []
        for line in lines:
            libraries = [rate for name, rate in line["rates"].items() if name != "Ebb"]
            found.append(line["rates"]["Ebb"] / max(libraries, default=float("nan")))
        ratios.append(median(found))
    return ratios


def kernels_table(kernels: list[list[dict]]) -> str:
    names = list(kernels[0][0]["rates"])
    lines = []
    for ratio, found in zip(kernel_ratios(kernels), zip(*kernels)):
        size = f"{found[0]['m']}×{found[0]['n']}×{found[0]['k']}"
        cells = [f"{median(line['rates'][name] for line in found):.1f}" for name in names]
        lines.append([size, found[0]["form"], *cells, f"{ratio:.2f}"])
    return table(["product m×n×k", "form", *names, "Ebb ÷ best library"], lines)


def predict_tables(predict: dict) -> str:
    files = [[name, spread(found, 2)] for name, found in predict["file"].items()]
    memory = []
    for name, found in predict["memory"].items():
        rates = [one["rowsPerSecond"] for one in found]
        latencies = [one["microsecondsPerRow"] for one in found]
        memory.append([name, spread(rates), spread(latencies, 1)])
    iris = [[name, spread(found, 3)] for name, found in predict["iris"].items()]
    rows = f"{predict['rows']:,}"
    return "\n\n".join(
        [
            table(["", f"seconds, {rows} rows from CSV to CSV, whole process"], files),
            table(["", "rows a second, in memory", "µs for one row, in memory"], memory),
            table(["", "seconds of training on iris.csv, whole process"], iris),
        ]
    )


def reading(rows: list[Row], results: dict) -> str:
    """What is met and what is missed, in sentences made from the numbers."""
    kernels = median(kernel_ratios(results["kernels"]))
    lines = [row.reading for row in rows]
    level = "met" if kernels >= 1 else f"missed by a factor of {1 / kernels:.2f}"
    lines.append(f"matrix products: {level}; the median is {kernels:.2f} × the best library")
    worst = min(
        median(one[index][2] / one[index][1] for one in results["loaded"])
        for index in range(len(rows))
    )
    state = "met" if worst >= 0.95 else "missed"
    lines.append(f"two threads on loaded cores: {state}; at worst {worst:.2f} × one thread")
    gains = [median(row.speed_up) for row in rows[-3:]]
    state = "met" if min(gains) >= 1.7 else "missed"
    gained = ", ".join(f"{gain:.2f}" for gain in gains)
    lines.append(f"two threads on idle cores, last three rows: {state}; {gained} × one thread")
    over = [row.workload.name for row in rows if row.peak_memory > row.workload.memory_allowed]
    lines.append(f"memory: {'met' if not over else 'too much for ' + '; '.join(over)}")
    files = {name: median(found) for name, found in results["predict"]["file"].items()}
    behind = [name for name, seconds in files.items() if seconds < files["Ebb"]]
    state = f"slower than {', '.join(behind)}" if behind else "ahead of all peers"
    lines.append(f"`ebb predict`, whole process: {state}")
    iris = median(results["predict"]["iris"]["Ebb"])
    state = "met" if iris < 0.3 else "missed"
    lines.append(f"iris, whole process: {state}; {iris:.3f} s, required 0.3 s")
    return "\n".join(f"- {line}." for line in lines)


def growth_reading(found: dict) -> str:
    """M11: what backward costs beside forward, where the products are most of a step."""
    large = [row for row in found["networks"] if row["batch"] >= 64]
    ratios = [row["ratio"] for row in large]
    return (
        "Counted in operations, backward is at most twice forward. Measured on the networks above "
        f"with batches of 64 and more: {min(ratios):.2f} to {max(ratios):.2f}, median "
        f"{statistics.median(ratios):.2f}. With small batches the update of the weights, which "
        "lies within backward's products, is most of the work, and forward does not have it."
    )


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write(results: dict) -> str:
    """The whole file."""
    rounds = results["rates"]["rounds"]
    rows = [Row(index, rounds) for index in range(len(WORKLOADS))]
    versions = [f"Ebb {results['version']}"]
    versions += [
        f"{NAMES[peer]} {version}" for peer, version in results["rates"]["versions"].items()
    ]
    missing = [f"{NAMES[p]}: {why}" for p, why in results["rates"]["missing"].items()]
    left_out = f"\n\nLeft out, as not installed: {'; '.join(missing)}." if missing else ""
    quick = "\n\n**A run with --quick: these numbers measure nothing.**" if results["quick"] else ""
    return f"""# Ebb beside its peers

{processor()}, {results["cores"]} cores, {platform.system()}; {datetime.date.today()}; {results["seconds"] / 60:.1f} minutes. {"; ".join(versions)}; Python {platform.python_version()}.{left_out}{quick}

All numbers come from one run, in which everyone took turns:

    python3 Benchmarks/compare.py .build/release/ebb

Numbers are medians of {len(rounds)} rounds (lowest to highest); kernels, loaded cores, predictions and growth have at most 3 rounds. A ratio is taken within each round; the median of these is given.

## Reading

{reading(rows, results)}

## Training

Samples per second. The limit of a step is its products' operations at the best library's rate for {LARGE.size} with as many threads in the same round, and then the bytes that the optimizer must read and write at the memory's measured rate. A row counts as met with the required ratio or with {percent(ENOUGH_OF_LIMIT)} of the limit; the last requires both, and so that share of the limit.

{target_table(rows)}

With one thread (`ebb bench --threads 1`, `peers.py … 1`):

{rates_table(rows, 1)}

With two threads (`ebb bench --threads 2`, `peers.py … 2`):

{rates_table(rows, 2)}

The limits (`products.py --large --threads T`, `ebb bench --profile --threads T`):

{limits_table(rounds)}

## Two threads

Required: 1.7 on idle cores in the last three rows, and 0.95 while a busy process runs on every core but one.

{threads_table(rows, results["loaded"])}

## Memory

The process's peak (`ebb bench --json`: peakMemory) beside parameters × (1 + gradients + optimizer's slots) + activations + data + 30 MB.

{memory_table(rows)}

## Matrix products

GFLOP/s with one thread, the best of several tries in a round (`ebb bench --kernels`, `products.py`). Ebb over the best library, median over the products: **{median(kernel_ratios(results["kernels"])):.2f}**.

{kernels_table(results["kernels"])}

## Predicting, and a small training

`predict.py`: 64 columns, 128 hidden, 10 classes. The peers read and write with pandas; `ebb train Examples/iris.csv` is beside iris_peer.py.

{predict_tables(results["predict"])}

## How cost grows

`growth.py`, one thread, SGD.

![Time per step against width, depth and batch, and time of training against rows](growth.svg)

{growth.table(results["growth"])}

{growth_reading(results["growth"])}
"""
