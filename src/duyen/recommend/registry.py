"""Which recommenders are installed: shipped ones and a stranger's enter by the same door."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from duyen.model.errors import Unavailable
from duyen.recommend.interface import Recommender, Snapshot, read_state

GROUP = "duyen.recommenders"


def recommenders() -> dict[str, type[Recommender]]:
    """Every installed recommender by name, from the entry points of the group `duyen.recommenders`."""
    found: dict[str, type[Recommender]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        recommender: type[Recommender] = point.load()
        found[recommender.name] = recommender
    return found


def load(folder: Path) -> Snapshot:
    """The snapshot that `save` wrote into a folder, its arrays mapped into memory."""
    state = read_state(folder)
    known = recommenders()
    if state.recommender not in known:
        raise Unavailable(
            "recommend.unknown",
            f"The model in {folder} was made by “{state.recommender}”, which is not installed."
            " Install it again, or fit the models anew.",
        )
    return known[state.recommender].restore(state)
