"""What an offer says. Its texts may be Liquid over `context` (what the page told) and `item` (the offer's own).

They are text, never HTML: whoever puts them into a page puts them in as text, as the tag does. Traits are not at
hand on purpose: an answer to a browser carries none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from duyen.model.errors import InvalidRule

if TYPE_CHECKING:
    from liquid import BoundTemplate

ROOTS = ("context", "item")
LONGEST = 2_000
"""Characters of one filled text; what is longer is cut."""
_OPENINGS = ("{{", "{%")


class Words:
    """The texts of one offer, ready to be filled in; raises InvalidRule where one cannot be read."""

    def __init__(self, content: Mapping[str, str]) -> None:
        self._content = dict(content)
        self._templates = {
            name: _template(text, f"content.{name}")
            for name, text in content.items()
            if any(opening in text for opening in _OPENINGS)
        }

    @property
    def fixed(self) -> bool:
        """Whether they say the same to everybody."""
        return not self._templates

    def fill(self, view: Mapping[str, Any]) -> dict[str, str]:
        """What they say for a view; raises InvalidRule where a template fails or reaches a limit."""
        from liquid.exceptions import LiquidError

        from duyen.messages import liquid

        filled = dict(self._content)
        for name, template in self._templates.items():
            try:
                filled[name] = liquid.render(template, view)[:LONGEST]
            except (LiquidError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
                raise InvalidRule("offer.content", f"{error}.", at=f"content.{name}") from error
        return filled


def _template(text: str, at: str) -> BoundTemplate:
    """One text as a template that names only what is at hand."""
    from liquid.exceptions import LiquidError

    from duyen.messages import liquid  # only offers that are written in Liquid need it

    try:
        template = liquid.TEXT.from_string(text)
        found = template.analyze()
    except (LiquidError, RecursionError) as error:
        first = (str(error).splitlines() or ["it is nested too deep"])[0]
        raise InvalidRule("offer.content", f"The Liquid cannot be read: {first}.", at=at) from error
    unknown = sorted(set(found.globals) - set(ROOTS))
    if unknown:
        raise InvalidRule(
            "offer.content",
            f"An offer's text knows {' and '.join(ROOTS)}, not “{unknown[0]}”.",
            at=at,
        )
    missing = sorted(set(found.filters) - set(liquid.TEXT.filters))
    if missing:
        raise InvalidRule("offer.content", f"There is no filter “{missing[0]}”.", at=at)
    return template
