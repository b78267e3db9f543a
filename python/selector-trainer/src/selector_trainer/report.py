"""What a training says: a line on a terminal, lines of JSON for a program, and metrics.jsonl for later."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {rest:02}s"


def memory() -> float:
    """Highest of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


class Report:
    """One of the processes speaks; the others are silent."""

    def __init__(self, work: Path, events: bool, speaks: bool) -> None:
        self.file, self.events, self.speaks = work / "metrics.jsonl", events, speaks

    def rewind(self, step: int) -> None:
        """Forgets what stands behind a checkpoint: those steps are made again."""
        if self.speaks and self.file.exists():
            kept = []
            for line in self.file.read_text().splitlines():
                try:
                    kept += [line] if json.loads(line).get("step", 0) <= step else []
                except ValueError:
                    pass  # cut off while it was written
            self.file.write_text("".join(f"{line}\n" for line in kept))

    def write(self, **values: Any) -> None:
        if self.speaks:
            with self.file.open("a") as file:
                file.write(json.dumps(values) + "\n")

    def event(self, kind: str, **values: Any) -> None:
        if self.speaks and self.events:
            print(json.dumps({"kind": kind, **values}), flush=True)

    def line(self, text: str, passing: bool = False) -> None:
        """`passing`: the next line may take its place."""
        if not self.speaks or self.events:
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}" + ("" if passing else "\n"))
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr, flush=True)

    def alarm(self, words: str, step: int) -> None:
        self.write(step=step, alarm=words)
        self.event("alarm", words=words, step=step)
        self.line(f"alarm: {words}")


class Rate:
    """Pairs a second and the time left, by what this process has done itself."""

    def __init__(self) -> None:
        self.began, self.pairs, self.steps = time.monotonic(), 0, 0
        self.aside = 0.0

    def add(self, pairs: int) -> None:
        self.pairs, self.steps = self.pairs + pairs, self.steps + 1

    @property
    def seconds(self) -> float:
        """Of training alone."""
        return max(time.monotonic() - self.began - self.aside, 1e-9)

    @property
    def pairs_per_second(self) -> float:
        return self.pairs / self.seconds

    def left(self, steps: int) -> float:
        return steps * (time.monotonic() - self.began) / max(self.steps, 1)
