"""Where an installation keeps things: one URL, one of these behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from duyen.model.errors import Conflict, InvalidInput
from duyen.model.times import Millis
from duyen.stores.attempts import Attempts
from duyen.stores.log import Log
from duyen.stores.mail import Mails
from duyen.stores.shards import ALL
from duyen.stores.state import State


class Claim(Protocol):
    """A role held by this process."""

    def close(self) -> None:
        """Give it up."""


class Share(Protocol):
    """An engine's part of the work, which may change from one moment to the next."""

    @property
    def shards(self) -> frozenset[int]:
        """The shards that are this engine's now."""

    def close(self) -> None:
        """Leave them to others."""


class Whole:
    """All shards, for whoever is the only engine."""

    shards = ALL

    def __init__(self, claim: Claim) -> None:
        self._claim = claim

    def close(self) -> None:
        """Give the role up."""
        self._claim.close()


class Working(NamedTuple):
    """An engine at work: where, and on which shards."""

    where: str
    shards: frozenset[int]


class Stores(Protocol):
    """Opens the stores of one installation; each call is a connection of its own."""

    shared: bool
    """Whether processes of many machines meet here, so that one whose role is taken stands by."""

    def belong(self, secret: str) -> None:
        """Note that these stores go with a secret (a word derived from it); raises Conflict where with another one."""

    def log(self) -> Log:
        """The log, for appending and reading."""

    def state(self, *, writing: bool = False) -> State:
        """The state; `writing` is the engine's."""

    def attempts(self) -> Attempts:
        """The senders' attempts."""

    def mails(self, now: Callable[[], Millis] = lambda: 0) -> Mails:
        """What the mail catcher holds."""

    def claim(self, role: str) -> Claim:
        """Become the only engine or sender; raises Conflict where another process is one."""

    def share(self) -> Share:
        """Become an engine among others, where many machines meet; else the only one."""

    def engines(self) -> list[Working]:
        """The engines at work."""

    def running(self, role: str) -> bool:
        """Whether some process holds a role."""

    def fresh_state(self) -> State:
        """An empty state beside the present one, for a rebuild."""

    def put_in_place(self, keep_old: bool) -> None:
        """Let the fresh state, closed by now, become the state; keep the one before beside it, or not."""

    def scrub(self) -> None:
        """Let what was deleted be in no file any more, as far as that is in our hands, nor a state of before."""

    def bytes(self) -> int:
        """How much the stores hold, in bytes."""

    def copies(self, folder: Path) -> Iterator[Path]:
        """Everything as SQLite files in a folder, the log last and at least as new as the rest.

        Each may be removed once it was read.
        """

    def need_empty(self) -> None:
        """Raise Conflict where something was told to the log already."""

    def adopt(self, folder: Path) -> None:
        """Make what such files hold one's own, all or nothing; raises Conflict where there is something already."""


def open_stores(url: str, folder: Path) -> Stores:
    """The stores that a URL names: `sqlite:` (files in the data folder) or `postgresql://…`."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from duyen.stores.sqlite.files import Files

        return Files(folder)
    if scheme in ("postgresql", "postgres"):
        try:
            from duyen.stores.postgres.server import Server
        except ImportError as error:
            raise InvalidInput(
                "store.driver",
                "store_url names PostgreSQL, and its driver is not installed; run: pip install 'duyen[postgres]'.",
            ) from error
        return Server(url)
    raise InvalidInput(
        "store.scheme",
        f"store_url begins with “{scheme}:”; it has to begin with sqlite: or postgresql:.",
    )


def taken(role: str, by: str) -> Conflict:
    """The error of whoever finds a role taken."""
    if role == "engine":
        return Conflict("engine.running", f"Another engine works on {by}; stop it, or use it.")
    if role == "eraser":
        return Conflict(
            "eraser.running", f"Another process carries erasures out on {by}; wait for it to end."
        )
    if role == "listener":
        return Conflict("listener.running", f"Another listener works on {by}; stop it first.")
    return Conflict("sender.running", f"Another sender works on {by}; stop it first.")
