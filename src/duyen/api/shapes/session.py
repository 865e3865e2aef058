"""Who is signed in, and where."""

from __future__ import annotations

from typing_extensions import TypedDict


class Workspace(TypedDict):
    """The company as the console shows it."""

    name: str
    timezone: str
    currency: str
    language: str


class Me(TypedDict):
    """Who is signed in, and where."""

    email: str
    workspace: Workspace
    demo: bool
    version: str


class Login(TypedDict):
    """E-mail address and password of an administrator."""

    email: str
    password: str
