"""`make bench`: every figure beside its baseline, as a table and as one JSON file.

python -m bench [NAME ...]      names: door path giants moments curve imports decide mail rules lake erase recommend
                                search and, by name only: soak (it is long), engines (it needs a PostgreSQL)
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Figure

NAMES = (
    "door",
    "path",
    "giants",
    "moments",
    "curve",
    "imports",
    "decide",
    "mail",
    "rules",
    "lake",
    "erase",
    "recommend",
    "search",
)
RESULTS = Path("bench") / "results"


def machine() -> dict[str, object]:
    """Where and on what this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def shown(value: float | None) -> str:
    """A number as people read it."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def main(names: list[str]) -> None:
    """Measure one bench after another; nothing else should run meanwhile."""
    about = machine()
    figures: list[Figure] = []
    table = Table(
        title=f"{about['cores']} cores, commit {about['commit']}, load {about['load_before']}"
    )
    for heading in ("figure", "value", "unit", "baseline", "ratio", "against", "target"):
        table.add_column(heading)
    for name in names or NAMES:
        found: list[Figure] = importlib.import_module(f"bench.{name}").run()
        figures += found
        for one in found:
            ratio = "–" if one.ratio is None else f"{one.ratio:.2f}x"
            table.add_row(
                one.name,
                shown(one.value),
                one.unit,
                shown(one.baseline),
                ratio,
                one.against,
                one.target,
            )
    Console(width=200).print(table)
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{about['time']}-{about['commit']}.json".replace(":", "")
    body = {**about, "figures": [one._asdict() | {"ratio": one.ratio} for one in figures]}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"Kept in {path}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(sys.argv[1:])
