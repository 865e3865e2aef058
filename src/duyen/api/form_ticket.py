"""What a form's page carries so that its answers can be taken in: sealed by us, for one visitor, for a day.

It tells when the page was opened and what it asked, so that nothing has to be kept for pages that nobody sends. It is
also the riddle of the proof of work: a machine pays for each page anew, and nobody else is asked whether it is one.
"""

from __future__ import annotations

import secrets
from collections import deque
from hashlib import sha256
from typing import NamedTuple

import msgspec

from duyen.model.errors import Conflict, TooMany
from duyen.model.times import DAY, MINUTE, SECOND, Millis
from duyen.runtime.secrets import Secrets

LIFE: Millis = DAY
DOWNLOAD_LIFE: Millis = 7 * DAY
QUICKEST: Millis = 2 * SECOND
"""Nobody reads and fills in a form faster."""
BITS = 14
"""Zero bits that a proof begins with: about 16,000 tries."""
LONGEST = 4_000
WITHIN: Millis = 10 * MINUTE
MOST_WITHOUT_PROOF = 20
"""Forms from one address within WITHIN that bring no proof, as browsers without JavaScript do."""
MOST_A_PAGE = 10
"""Times that one page may be sent within WITHIN: corrections, and a double click."""
MOST_REMEMBERED = 20_000


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """One opening of a form: an id, the visitor, when (wall clock), and the traits it asked for."""

    id: str
    visitor: str
    start: Millis
    asked: tuple[str, ...] = ()

    @classmethod
    def fresh(cls, visitor: str, asked: tuple[str, ...], now: Millis) -> Ticket:
        """Of a page that is opened now."""
        return cls(secrets.token_hex(8), visitor, now, asked)


class Tickets(NamedTuple):
    """Seals and opens the tickets of one form."""

    by: Secrets
    form: str
    kind: str = "form"
    """`form`: of its page; `download`: of its file, for whoever has filled it in."""

    def seal(self, ticket: Ticket) -> str:
        """A ticket as a page carries it."""
        return self.by.seal(msgspec.json.encode(ticket).decode(), self._place)

    def open(self, sealed: str) -> Ticket | None:
        """What a ticket says; None where we did not make it, as it is, for this form."""
        if not sealed.isascii() or len(sealed) > LONGEST:
            return None
        try:
            return msgspec.json.decode(self.by.unseal(sealed, self._place), type=Ticket)
        except (Conflict, msgspec.MsgspecError):
            return None

    @property
    def _place(self) -> str:
        return f"{self.kind} {self.form}"


def proved(sealed: str, proof: str) -> bool:
    """Whether SHA-256 of `ticket.proof` begins with BITS zero bits."""
    if not proof or len(proof) > 20 or not proof.isascii():
        return False
    digest = sha256(f"{sealed}.{proof}".encode()).digest()
    return int.from_bytes(digest[:4]) >> (32 - BITS) == 0


class Rates:
    """How often something was done lately, in this process."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Millis]] = {}

    def take(self, who: str, most: int, now: Millis) -> None:
        """Note one more; raises TooMany beyond `most` within WITHIN."""
        if who not in self._of and len(self._of) >= MOST_REMEMBERED:
            self._of = {k: times for k, times in self._of.items() if times[-1] > now - WITHIN}
            if len(self._of) >= MOST_REMEMBERED:
                self._of.clear()
        times = self._of.setdefault(who, deque())
        while times and times[0] <= now - WITHIN:
            times.popleft()
        if len(times) >= most:
            problem = TooMany(
                "form.too_often", "Too many forms came from there; wait some minutes."
            )
            problem.retry_after = 1 + (times[0] + WITHIN - now) // SECOND
            raise problem
        times.append(now)
