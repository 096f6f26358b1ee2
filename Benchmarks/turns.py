"""Peers as processes that wait for their turn, and processes that load the cores."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

from workloads import Workload

HERE = os.path.dirname(os.path.abspath(__file__))


class PeerProcess:
    """A peer that stays loaded and compiled between its turns.

    Between turns it is stopped, so that threads that spin while they wait take no time of others.
    """

    def __init__(self, peer: str, threads: int) -> None:
        self.peer, self.threads = peer, threads
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "peers.py"), peer, "--serve", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.version = ""

    def ready(self) -> bool:
        """Waits until the peer is loaded; false where it is not installed."""
        with contextlib.suppress(EOFError):
            self.version = self.answer()["version"]
            self.process.send_signal(signal.SIGSTOP)
        return bool(self.version)

    def measure(self, workload: Workload, seconds: float) -> float | None:
        """Samples per second in a turn of about so many seconds; None where it cannot."""
        self.process.send_signal(signal.SIGCONT)
        line = f"{workload.layers} {workload.batch} {workload.optimizer} {seconds}\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()
        answer = self.answer()
        self.process.send_signal(signal.SIGSTOP)
        return answer.get("samplesPerSecond")

    def answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise EOFError(f"{self.peer} has ended: {self.last_error()}")

    def last_error(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else "without a message"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def peer_processes(peers: list[str], thread_counts: tuple[int, ...]):
    """All peers that are installed, and the reasons for those that are left out."""
    started = [PeerProcess(peer, threads) for peer in peers for threads in thread_counts]
    try:
        loaded = [process for process in started if process.ready()]
        missing = {p.peer: p.last_error() for p in started if p not in loaded}
        yield loaded, missing
    finally:
        for process in started:
            process.close()


@contextlib.contextmanager
def loaded_cores(count: int):
    """So many processes that do nothing but keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
