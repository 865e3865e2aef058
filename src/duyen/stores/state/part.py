"""What the parts of the state share: one connection."""

from __future__ import annotations

from duyen.stores.database import Database


class Part:
    """One noun's tables; `State` is all of them on one connection."""

    _db: Database
