"""Who an event says it was: identifiers out of its ids, traits and context."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from duyen.model.event import Identifier

MAX_EXTERNAL = 10
"""External ids taken from one event."""

_ADDRESS = re.compile(
    r"[^\s@<>\",;:()\[\]\\]{1,64}@[^\s@<>\",;:()\[\]\\]+\.[^\s@<>\",;:()\[\]\\.]{1,63}"
)
_PHONE_NOISE = re.compile(r"[\s().\-/]")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
# Vietnam's eleven-digit mobile numbers became ten-digit ones in September 2018; each old prefix has one new one.
_SINCE_2018 = {
    **{f"1{old}": new for old, new in zip(range(62, 70), map(str, range(32, 40)), strict=True)},
    "120": "70",
    "121": "79",
    "122": "77",
    "126": "76",
    "128": "78",
    "123": "83",
    "124": "84",
    "125": "85",
    "127": "81",
    "129": "82",
    "186": "56",
    "188": "58",
    "199": "59",
}
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
# Namespaces that only we may use; a caller who names them would speak for somebody else.
_RESERVED = re.compile(r"(?:claimed\..*|message)", re.IGNORECASE)
_PLATFORMS = ("ios", "android")


def clean_email(value: object) -> str:
    """An e-mail address in the form in which addresses are compared, or "" where it is none."""
    if not isinstance(value, str) or not 3 <= len(value) <= 300:
        return ""
    text = unicodedata.normalize("NFC", value.strip().casefold())
    return text if len(text) <= 254 and _ADDRESS.fullmatch(text) else ""


def clean_phone(value: object) -> str:
    """A phone number in E.164 (`0901 234 567`, `84901234567`, and `0168 123 4567` as of before 2018), or ""."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 8 <= len(value) <= 40:
        return ""
    text = _PHONE_NOISE.sub("", value.strip().removeprefix("tel:"))
    if text.startswith("00"):
        text = "+" + text[2:]
    elif text.startswith("0") and len(text) in (10, 11):
        text = "+84" + text[1:]
    elif text.startswith("84") and len(text) in (11, 12):
        text = "+" + text
    if text.startswith("+840"):
        text = "+84" + text[4:]
    if len(text) == 13 and text.startswith("+841"):
        text = "+84" + _SINCE_2018.get(text[3:6], text[3:6]) + text[6:]
    return text if text.isascii() and _E164.fullmatch(text) else ""


def plain(value: object) -> str:
    """An opaque id as text, or "" where it is none we can keep."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    text = unicodedata.normalize("NFC", value.strip())
    return text if len(text) <= 200 and text.isprintable() else ""


_CLEANERS = {"email": clean_email, "phone": clean_phone}


def canonical(namespace: str, value: object) -> str:
    """An identifier's value in the form in which it is kept, or "" where it is none we can keep."""
    return _CLEANERS.get(namespace, plain)(value)


def reserved(namespace: str) -> bool:
    """Whether nobody but us may name identifiers of this namespace: a caller would speak for somebody else."""
    return not _NAMESPACE.fullmatch(namespace) or bool(_RESERVED.fullmatch(namespace))


def of_traits(traits: dict[str, Any], found: set[Identifier]) -> None:
    """The person's e-mail and phone, where their traits tell them."""
    if "email" in traits and (email := clean_email(traits["email"])):
        found.add(("email", email))
    if "phone" in traits and (phone := clean_phone(traits["phone"])):
        found.add(("phone", phone))


def of_device(device: object, found: set[Identifier]) -> None:
    """Ids of a phone: of the app on it, for its push service, and for advertising where allowed."""
    if not isinstance(device, dict):
        return
    platform = str(device.get("type", "")).lower()
    if platform not in _PLATFORMS:
        return
    if name := plain(device.get("id")):
        found.add((f"{platform}.id", name))
    if device.get("adTrackingEnabled") is True and (name := plain(device.get("advertisingId"))):
        found.add((f"{platform}.idfa", name))
    if token := plain(device.get("token")):
        found.add((f"{platform}.push_token", token))


def of_external(listed: object, found: set[Identifier]) -> None:
    """Ids of the company's other systems; those of accounts are no person's."""
    if not isinstance(listed, list):
        return
    for entry in listed[:MAX_EXTERNAL]:
        if not isinstance(entry, dict) or entry.get("collection", "users") != "users":
            continue
        namespace = entry.get("type")
        if not isinstance(namespace, str) or entry.get("encoding", "none") != "none":
            continue
        if reserved(namespace):
            continue
        if value := canonical(namespace, entry.get("id")):
            found.add((namespace, value))
