"""What many answers share: pages, errors, references, estimates."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

Json = dict[str, Any]
Arm = Literal["treated", "held_out"]
T = TypeVar("T")


class ErrorBody(TypedDict):
    """What went wrong, for whoever can act: a stable code, a sentence, and the place in what was sent."""

    code: str
    message: str
    at: NotRequired[str]
    docs: str


class ApiError(TypedDict):
    """The one error shape of the API."""

    error: ErrorBody


class Page(TypedDict, Generic[T]):
    """One page of a list; `next` is the cursor of the following one, `total` null where counting would be slow."""

    data: list[T]
    next: str | None
    total: int | None


class Estimate(TypedDict):
    """A number with its 95 % interval and the sample it rests on; limits are null below two samples."""

    value: float
    low: float | None
    high: float | None
    n: int


class PersonRef(TypedDict):
    """Enough of a person to name them and to link to them."""

    id: str
    key: str
    name: str | None


class Named(TypedDict):
    """Something with an id and the name people gave it."""

    id: str
    name: str


class Done(TypedDict):
    """It was done, or (`applied` false) will be as soon as the engine comes to it."""

    applied: bool
