"""What a bench tells: a figure, its unit, and the baseline of the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Figure(NamedTuple):
    """One measured number. `target` is the one of the design's table, "" where it names none."""

    name: str
    value: float
    unit: str
    baseline: float | None
    against: str
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Figure over baseline."""
        return self.value / self.baseline if self.baseline else None


def median_rate(work: Callable[[], int], times: int = 3) -> float:
    """Median of `work`'s results per second over several runs."""
    rates = []
    for _ in range(times):
        began = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - began))
    return statistics.median(rates)


def percentile(values: list[float], share: float) -> float:
    """The value that a share of all lies at or below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
