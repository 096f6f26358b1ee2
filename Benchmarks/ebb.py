"""The command `ebb`, run as a user runs it."""

import json
import statistics
import subprocess
import time

from workloads import Workload


class Ebb:
    def __init__(self, path: str) -> None:
        self.path = path

    def run(self, *arguments: str) -> str:
        command = [self.path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def bench(self, workload: Workload, threads: int, steps: int, *flags: str) -> dict:
        return json.loads(
            self.run(
                "bench", "--layers", workload.layers, "--batch", workload.batch,
                "--optimizer", workload.optimizer, "--threads", threads,
                "--steps", steps, "--json", *flags,
            )
        )  # fmt: skip

    def rate(self, workload: Workload, threads: int, steps: int) -> dict:
        """One measured run, with the process's memory in it: samplesPerSecond, peakMemory, …"""
        answer = self.bench(workload, threads, steps)
        memory = {key: value for key, value in answer.items() if key != "runs"}
        return memory | answer.get("runs", [answer])[0]

    def steps_for(self, workload: Workload, seconds: float) -> int:
        """How many steps take about so many seconds with one thread."""
        microseconds = self.rate(workload, 1, 5)["microsecondsPerStep"]
        return max(2, round(seconds * 1e6 / microseconds))

    def seconds(self, *arguments: str) -> float:
        """The time of the whole process."""
        start = time.perf_counter()
        self.run(*arguments)
        return time.perf_counter() - start

    @property
    def version(self) -> str:
        return self.run("--version").strip()


def spread(numbers: list[float], digits: int = 0) -> str:
    """The median, with the lowest and the highest in brackets."""
    middle, low, high = statistics.median(numbers), min(numbers), max(numbers)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
