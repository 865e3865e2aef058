"""Whether a form can be asked as it is defined."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

from duyen.forms.answers import LONGEST, options
from duyen.model.errors import InvalidRule
from duyen.model.form import Field, Form

MOST_FIELDS = 30
MOST_OPTIONS = 100
MOST_AGREEMENTS = 10
MOST_ORIGINS = 20
LONGEST_TEXT = 2_000
LANGUAGES = ("vi", "en")
_TRAIT = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_WORD = re.compile(r"[^/*\s]{1,64}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]{1,253}(:\d{1,5})?", re.ASCII)
_FILE = re.compile(r"\w[\w.\- ]{0,149}")
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?", re.ASCII)


def check(form: Form) -> Form:
    """The form, if it can be asked; raises InvalidRule with the place and what to do."""
    if not 1 <= len(form.fields) <= MOST_FIELDS:
        raise InvalidRule("form.fields", f"A form has 1 to {MOST_FIELDS} fields.", at="fields")
    for number, field in enumerate(form.fields):
        _check_field(field, f"fields[{number}]")
    twice = [trait for trait, n in Counter(f.trait for f in form.fields).items() if n > 1]
    if twice:
        raise InvalidRule("form.twice", f"The form asks “{twice[0]}” twice.", at="fields")
    if not 0 <= form.ask <= MOST_FIELDS:
        raise InvalidRule(
            "form.ask", f"Ask 1 to {MOST_FIELDS} fields at once, or 0 for all.", at="ask"
        )
    if len(form.consent) > MOST_AGREEMENTS:
        raise InvalidRule(
            "form.consent", f"A form asks for at most {MOST_AGREEMENTS} consents.", at="consent"
        )
    for number, one in enumerate(form.consent):
        if not (_WORD.fullmatch(one.purpose) and _WORD.fullmatch(one.channel)):
            raise InvalidRule(
                "form.consent",
                "A consent names one purpose and one channel, such as {purpose: marketing, channel: email}.",
                at=f"consent[{number}]",
            )
    for name in ("title", "lead", "button", "thanks"):
        _check_texts(getattr(form, name), name)
    if len(form.embed) > MOST_ORIGINS or not all(map(_ORIGIN.fullmatch, form.embed)):
        raise InvalidRule(
            "form.embed",
            f"Name at most {MOST_ORIGINS} origins, such as https://shop.example.",
            at="embed",
        )
    if form.redirect:
        _check_redirect(form.redirect)
    if form.download and (form.redirect or not _FILE.fullmatch(form.download)):
        raise InvalidRule(
            "form.download",
            "Name one file of the folder “downloads”, such as guide.pdf, and then no redirect.",
            at="download",
        )
    return form


def _check_field(field: Field, at: str) -> None:
    if not _TRAIT.fullmatch(field.trait):
        raise InvalidRule(
            "form.trait",
            f"“{field.trait[:80]}” cannot be a form's trait; write letters, digits and _, such as first_name.",
            at=f"{at}.trait",
        )
    _check_texts(field.label, f"{at}.label")
    found = options(field)
    for option in found:
        _check_texts({k: v for k, v in option.label.items() if k}, f"{at}.options")
    values = [option.value for option in found]
    fits = all(v == v.strip() and 0 < len(v) <= LONGEST and v.isprintable() for v in values)
    if (field.type == "choice") != bool(found) or not fits or len(set(values)) < len(values):
        raise InvalidRule(
            "form.options",
            "A choice has options, each another text; no other type of field has any.",
            at=f"{at}.options",
        )
    if len(found) > MOST_OPTIONS:
        raise InvalidRule(
            "form.options", f"A choice has at most {MOST_OPTIONS} options.", at=f"{at}.options"
        )


def _check_texts(texts: dict[str, str], at: str) -> None:
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise InvalidRule(
                "form.language", f"A form speaks {' and '.join(LANGUAGES)}.", at=f"{at}.{language}"
            )
        if len(text) > LONGEST_TEXT:
            raise InvalidRule(
                "form.text",
                f"A text has at most {LONGEST_TEXT:,} characters.",
                at=f"{at}.{language}",
            )


def _check_redirect(redirect: str) -> None:
    try:
        parts = urlsplit(redirect)
    except ValueError:
        parts = urlsplit("")
    plain = redirect.isprintable() and " " not in redirect and len(redirect) <= LONGEST_TEXT
    if not plain or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise InvalidRule(
            "form.redirect",
            "Lead on to a whole address, such as https://shop.example/welcome.",
            at="redirect",
        )
