"""Forms: what a page asks people, of which their answers become traits."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.consent import DEFAULT_BRAND

FORM_SUBMITTED = "Form Submitted"
FILE_DOWNLOADED = "File Downloaded"

FieldType = Literal["text", "email", "phone", "number", "date", "choice", "checkbox"]
Texts = dict[str, str]
"""A text by language (`vi`, `en`)."""


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of a choice: what is kept, and what people read."""

    value: str
    label: Texts = {}


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question, whose answer becomes the trait of this name."""

    trait: str
    label: Texts = {}
    type: FieldType = "text"
    required: bool = False
    options: tuple[str | Option, ...] = ()


class Agreement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A box to tick: a yes to a purpose on a channel. The text beside it is the purpose's own, from the settings."""

    purpose: str = "marketing"
    channel: str = "email"


class Form(msgspec.Struct, frozen=True, omit_defaults=True):
    """A form at `/f/{id}`. `ask`: at most so many questions at once, those not answered yet first; 0: always all.

    After it was sent in people read `thanks`, or are led to `redirect` where there is one.
    """

    id: str
    name: str
    fields: tuple[Field, ...]
    title: Texts = {}
    lead: Texts = {}
    ask: int = 0
    consent: tuple[Agreement, ...] = ()
    button: Texts = {}
    thanks: Texts = {}
    redirect: str = ""
    download: str = ""
    """The name of a file in the data folder's `downloads` that whoever has filled it in may have."""
    embed: tuple[str, ...] = ()
    """Origins of the pages that may show it in a frame, such as `https://shop.example`."""
    brand: str = DEFAULT_BRAND
    live: bool = True
