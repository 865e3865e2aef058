"""Lines of an order that are no product: postage, fees, discounts, gift vouchers, corrections.

Declared data: a shop adds its own codes in the mapping of an import, and the lines of its order events say
what they are (`products[].kind`). Everything that is not listed is a product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from duyen.model.values import fold

LineKind = Literal[
    "product",
    "postage",
    "fee",
    "discount",
    "gift",
    "sample",
    "manual",
    "adjustment",
    "test",
]

KINDS: tuple[LineKind, ...] = (
    "product",
    "postage",
    "fee",
    "discount",
    "gift",
    "sample",
    "manual",
    "adjustment",
    "test",
)

CODES: dict[str, LineKind] = {
    "post": "postage",
    "postage": "postage",
    "carriage": "postage",
    "delivery": "postage",
    "freight": "postage",
    "ship": "postage",
    "shipping": "postage",
    "phi-ship": "postage",
    "phiship": "postage",
    "phi-van-chuyen": "postage",
    "phivanchuyen": "postage",
    "vanchuyen": "postage",
    "bank charges": "fee",
    "amazonfee": "fee",
    "fee": "fee",
    "phi": "fee",
    "tip": "fee",
    "discount": "discount",
    "coupon": "discount",
    "giam-gia": "discount",
    "giamgia": "discount",
    "chietkhau": "discount",
    "gift-card": "gift",
    "giftcard": "gift",
    "voucher": "gift",
    "sample": "sample",
    "manual": "manual",
    "adjust": "adjustment",
    "adjust2": "adjustment",
    "adjustment": "adjustment",
    "test": "test",
}
"""Whole codes, folded (lower case, no diacritics). Only what no shop would call a product: codes such as
`M` or `DOT` mean something to one shop alone and belong into the mapping of its import."""

PATTERNS: tuple[tuple[str, LineKind], ...] = (
    (r"gift_\d+_\d+", "gift"),
    (r"test\d+", "test"),
)
"""Whole codes that follow a pattern, folded."""

_COMPILED = tuple((re.compile(pattern), kind) for pattern, kind in PATTERNS)


def kind_of(code: str, own: Mapping[str, LineKind] | None = None) -> LineKind:
    """What a line with this product code is; `own` are a shop's codes (folded), which come first."""
    folded = fold(code.strip())
    if own and folded in own:
        return own[folded]
    found = CODES.get(folded)
    if found:
        return found
    return next((kind for pattern, kind in _COMPILED if pattern.fullmatch(folded)), "product")
