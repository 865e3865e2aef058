"""The recommenders' newest snapshots, mapped into memory and exchanged when a training publishes new ones."""

from __future__ import annotations

from pathlib import Path

from duyen.recommend import Snapshot, load
from duyen.stores.models import Models


class Snapshots:
    """Loads on first use; a look at the folder's pointer tells whether there is something newer."""

    def __init__(self, folder: Path) -> None:
        self._models = Models(folder)
        self._loaded: dict[str, tuple[str, Snapshot]] = {}

    def newest(self, recommender: str) -> tuple[str, Snapshot | None]:
        """The newest snapshot of a recommender and its version; ("", None) before the first training."""
        current = self._models.current(f"recommend-{recommender}")
        if current is None:
            return "", None
        known = self._loaded.get(recommender)
        if known is None or known[0] != current.name:
            known = self._loaded[recommender] = (current.name, load(current))
        return known
