"""What can go wrong, for the person who can act.

    DuyenError
    ├── InvalidInput      400  what was sent cannot be read or breaks a rule of the contract
    │   └── InvalidRule   422  a segment, journey, message or setting does not make sense
    ├── NotAllowed        401 / 403  no key, the wrong key, or a key that may not do this
    ├── NotFound          404
    ├── Conflict          409
    ├── TooLarge          413
    ├── TooMany           429
    └── Unavailable       503  a full disk, a held lock, a missing part: try again or free something

Each carries a stable `code` (`segment.unknown_trait`), one sentence with what to do, and, where there
is one, the place `at` in what was sent.
"""

from __future__ import annotations

from typing import Any


class DuyenError(Exception):
    """Base of all errors we raise on purpose; `status` is its HTTP status."""

    status = 500
    retry_after = 5
    """Seconds after which to come again, where the status is 429 or 503."""
    allowed = ""
    """The methods that an address takes, where the status is 405."""

    def __init__(self, code: str, message: str, *, at: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.at = code, message, at
        if status is not None:
            self.status = status

    def as_json(self) -> dict[str, Any]:
        """The one error shape of the API."""
        body = {"code": self.code, "message": self.message}
        if self.at:
            body["at"] = self.at
        body["docs"] = f"/docs/errors#{self.code}"
        return {"error": body}


class InvalidInput(DuyenError):
    """What was sent cannot be read."""

    status = 400


class InvalidRule(InvalidInput):
    """A definition is readable but makes no sense; `at` says where."""

    status = 422


class NotAllowed(DuyenError):
    """No key, a wrong key, or a key without this right."""

    status = 401


class NotFound(DuyenError):
    """No such thing here."""

    status = 404


class Conflict(DuyenError):
    """It cannot be done in the present state."""

    status = 409


class TooLarge(DuyenError):
    """More than the stated limit."""

    status = 413


class TooMany(DuyenError):
    """Too many requests; try again later."""

    status = 429


class Unavailable(DuyenError):
    """Something outside the request is missing or full."""

    status = 503
