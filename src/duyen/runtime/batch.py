"""What the engine applies in one transaction: a stretch of the log, timers, nudges, or a slice of a sweep."""

from __future__ import annotations

from dataclasses import dataclass, field

from duyen.model.event import Rejected
from duyen.model.happening import Decided, Happened, Nudged
from duyen.model.log import Delivered, Heard, Replayed
from duyen.model.program import WorkspaceSettings
from duyen.model.times import Millis
from duyen.runtime.sweep import Swept
from duyen.stores.rows import LiftRow, VetoRow


@dataclass
class Batch:
    """What one transaction is made of; sums that it adds to are those of its `part`."""

    now: Millis
    part: int = 0
    told: list[tuple[Happened | Decided, int, int]] = field(default_factory=list)
    """Events and decisions in the log's order, each with its address (seq, index)."""
    vetoes: list[VetoRow] = field(default_factory=list)
    lifts: list[LiftRow] = field(default_factory=list)
    receipts: list[Delivered] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    replayed: list[Replayed] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    nudged: list[tuple[str, Nudged]] = field(default_factory=list)
    swept: Swept | None = None
    """A slice of a sweep: what `told` holds was told before, and was nobody's."""
    settings: WorkspaceSettings = field(default_factory=WorkspaceSettings)
