"""What a change of the rules may concern, so that everybody else need not be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duyen.identity.rules import NAMESPACES, Rules
from duyen.model.event import Identifier
from duyen.model.program import NamespaceRule


class Change:
    """From any of `bases`, under which people were resolved so far, to `rules`."""

    def __init__(self, bases: Sequence[Rules], rules: Rules) -> None:
        self.bases, self.rules = tuple(bases), rules
        named = {name for each in (*self.bases, rules) for name in each.namespaces}
        self._shaped = {
            name
            for name in named
            for base in self.bases
            if _shape(name, base.rule(name)) != _shape(name, rules.rule(name))
        }
        self._windows = {
            name for name in named for base in self.bases if base.within(name) != rules.within(name)
        }
        self._blocking = any(
            base.everywhere != rules.everywhere
            or any(
                base.rule(name).blocked != rules.rule(name).blocked
                or (base.limit(name) < 1) != (rules.limit(name) < 1)
                for name in named
            )
            for base in self.bases
        )

    @property
    def reads_log(self) -> bool:
        """Whether stored evidence may lack what counts now: values that were blocked, or repetitions in a window."""
        return self._blocking or bool(self._windows)

    def touches(self, name: Identifier) -> bool:
        """Whether this identified nobody under some of the bases, and does now, or the other way round."""
        if not self._blocking:
            return False
        blocked = self.rules.blocks(name)
        return any(base.blocks(name) != blocked for base in self.bases)

    def concerns(self, names: Iterable[Identifier]) -> bool:
        """Whether who is who may change among people who are known by these."""
        return any(name[0] in self._shaped or self.touches(name) for name in names)

    def retells(self, names: Sequence[Identifier]) -> bool:
        """Whether what named these together is evidence that may not be stored as it counts now."""
        if any(self.touches(name) for name in names):
            return True
        return len(names) > 1 and any(name[0] in self._windows for name in names)

    def was_nobody(self, names: Iterable[Identifier]) -> bool:
        """Whether what named only these may have been nobody's until now."""
        told = list(names)
        return any(all(base.blocks(name) for name in told) for base in self.bases)


def _shape(name: str, rule: NamespaceRule) -> tuple[int, int, int, str]:
    """The rule without its blocked values."""
    usual = NAMESPACES.get(name, rule).priority
    return rule.limit, rule.priority or usual, rule.within, rule.protect
