"""What an event means by its name: the one table that every reader of events asks.

The names are those of the Segment spec: e-commerce v2, e-mail, mobile, business customers, video and live chat.
A name counts as one of them whatever its case and whatever stands between its words (`order_completed`), and so
does the name it had in an earlier version (`Completed Order`). `known_as` gives the one spelling in which events
are kept and rules are written; a company's own names stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import msgspec

Area = Literal["shop", "mail", "app", "business", "video", "chat"]
Interest = Literal[
    "", "seen", "clicked", "viewed", "shared", "wished", "reviewed", "carted", "checkout", "bought"
]
CartPart = Literal["", "adds", "removes", "shows", "empties"]
OrderPart = Literal["", "completed", "updated", "refunded", "cancelled"]
MailPart = Literal[
    "", "delivered", "opened", "clicked", "bounced", "deferred", "complained", "unsubscribed"
]


class Meaning(msgspec.Struct, frozen=True):
    """One spec'd name.

    `interest` is what it says about the products it names and `weight` how much (a purchase is 10; 0: nothing).
    `fact`: it states what is so, and is nobody's visit: never a machine's, whoever tells it.
    `was`: names that it had before.
    """

    name: str
    area: Area
    means: str
    interest: Interest = ""
    weight: float = 0.0
    cart: CartPart = ""
    order: OrderPart = ""
    mail: MailPart = ""
    fact: bool = False
    was: tuple[str, ...] = ()

    @property
    def goods(self) -> bool:
        """Whether it names products and amounts of money."""
        return self.area == "shop"


_TABLE = (
    # -- looking
    Meaning("Products Searched", "shop", "What they are looking for, in their words (`query`)."),
    Meaning(
        "Product List Viewed",
        "shop",
        "A category or list was in front of them; being listed is no interest in a product.",
        "seen",
        was=("Viewed Product Category", "Product Category Viewed", "Viewed Product List"),
    ),
    Meaning(
        "Product List Filtered",
        "shop",
        "What they narrow a list down to (`filters`, `sorts`).",
        "seen",
        was=("Filtered Product List",),
    ),
    Meaning(
        "Promotion Viewed",
        "shop",
        "A banner was in front of them (`promotion_id`).",
        was=("Viewed Promotion",),
    ),
    Meaning(
        "Promotion Clicked",
        "shop",
        "They followed a banner (`promotion_id`).",
        was=("Clicked Promotion",),
    ),
    Meaning(
        "Product Clicked",
        "shop",
        "Interest in one product of a list.",
        "clicked",
        1,
        was=("Clicked Product",),
    ),
    Meaning(
        "Product Viewed",
        "shop",
        "Interest in one product; recommendations begin from the newest.",
        "viewed",
        1,
        was=("Viewed Product",),
    ),
    Meaning(
        "Product Shared",
        "shop",
        "They told somebody about a product.",
        "shared",
        3,
        was=("Shared Product",),
    ),
    Meaning("Product Reviewed", "shop", "They rated a product they know.", "reviewed", 2),
    # -- the wish list
    Meaning("Product Added to Wishlist", "shop", "They want it, later.", "wished", 3),
    Meaning("Product Removed from Wishlist", "shop", "They no longer want it."),
    Meaning(
        "Wishlist Product Added to Cart",
        "shop",
        "It goes from the wish list into the cart.",
        "carted",
        5,
        "adds",
    ),
    # -- the cart
    Meaning(
        "Product Added",
        "shop",
        "It goes into the cart, `quantity` of it (1 where it does not say).",
        "carted",
        5,
        "adds",
        was=("Added Product",),
    ),
    Meaning(
        "Product Removed",
        "shop",
        "It leaves the cart: `quantity` of it, or all of it where it does not say.",
        cart="removes",
        was=("Removed Product",),
    ),
    Meaning(
        "Cart Viewed",
        "shop",
        "What the cart holds now, where it lists `products`.",
        cart="shows",
        was=("Viewed Cart",),
    ),
    Meaning("Cart Shared", "shop", "They showed somebody their cart.", "shared", 3),
    Meaning("Coupon Entered", "shop", "They tried a coupon (`coupon_id`)."),
    Meaning("Coupon Applied", "shop", "A coupon was accepted (`coupon_id`, `discount`)."),
    Meaning("Coupon Denied", "shop", "A coupon was refused (`coupon_id`, `reason`)."),
    Meaning("Coupon Removed", "shop", "They took a coupon off (`coupon_id`)."),
    # -- the checkout
    Meaning(
        "Checkout Started",
        "shop",
        "They are about to buy what the cart holds.",
        "checkout",
        5,
        "shows",
        was=("Started Checkout",),
    ),
    Meaning(
        "Checkout Step Viewed",
        "shop",
        "How far the checkout got (`step`).",
        was=("Viewed Checkout Step",),
    ),
    Meaning(
        "Checkout Step Completed",
        "shop",
        "One `step` of the checkout is done.",
        was=("Completed Checkout Step",),
    ),
    Meaning("Payment Info Entered", "shop", "The last step before the order."),
    # -- the order
    Meaning(
        "Order Completed",
        "shop",
        "An order with its lines: it counts once per `order_id`, as revenue, and empties the cart.",
        "bought",
        10,
        "empties",
        "completed",
        fact=True,
        was=("Completed Order",),
    ),
    Meaning(
        "Order Updated",
        "shop",
        "The order's amount and lines are these from now on.",
        order="updated",
        fact=True,
        was=("Updated Order",),
    ),
    Meaning(
        "Order Refunded",
        "shop",
        "Its amount comes off the revenue: `total`, else its lines, else the whole order.",
        order="refunded",
        fact=True,
        was=("Refunded Order",),
    ),
    Meaning(
        "Order Cancelled",
        "shop",
        "The order and its revenue no longer count.",
        order="cancelled",
        fact=True,
        was=("Cancelled Order", "Order Canceled", "Canceled Order"),
    ),
    # -- mails that another program sent
    Meaning(
        "Email Delivered", "mail", "A mail reached their mailbox.", mail="delivered", fact=True
    ),
    Meaning(
        "Email Opened",
        "mail",
        "They opened a mail, unless a machine did.",
        mail="opened",
        was=("Opened Email",),
    ),
    Meaning(
        "Email Link Clicked",
        "mail",
        "They followed a link of a mail, unless a machine did.",
        mail="clicked",
        was=("Clicked Email Link", "Email Clicked"),
    ),
    Meaning("Email Bounced", "mail", "The mail came back.", mail="bounced", fact=True),
    Meaning("Email Deferred", "mail", "The mail is tried again.", mail="deferred", fact=True),
    Meaning(
        "Email Marked as Spam",
        "mail",
        "A no to marketing by e-mail, where a trusted source tells it.",
        mail="complained",
        fact=True,
        was=("Email Marked Spam",),
    ),
    Meaning(
        "Unsubscribed",
        "mail",
        "A no to marketing by e-mail.",
        mail="unsubscribed",
        fact=True,
        was=("Email Unsubscribed",),
    ),
    # -- an app on a phone
    Meaning("Application Installed", "app", "The app is on one more device.", fact=True),
    Meaning("Application Opened", "app", "They came back to the app."),
    Meaning("Application Foregrounded", "app", "They came back to the open app."),
    Meaning("Application Backgrounded", "app", "They left the app."),
    Meaning("Application Updated", "app", "The app has a new version.", fact=True),
    Meaning("Application Crashed", "app", "The app failed them."),
    Meaning("Application Uninstalled", "app", "The app is gone from a device.", fact=True),
    Meaning("Install Attributed", "app", "Which campaign led to the app.", fact=True),
    Meaning("Deep Link Opened", "app", "A link led them into the app."),
    Meaning("Deep Link Clicked", "app", "They followed a link to the app."),
    Meaning("Push Notification Received", "app", "A push message was shown."),
    Meaning("Push Notification Tapped", "app", "They followed a push message."),
    Meaning(
        "Push Notification Bounced", "app", "A push message could not be delivered.", fact=True
    ),
    # -- business customers
    Meaning("Account Created", "business", "A company began an account.", fact=True),
    Meaning("Account Deleted", "business", "A company ended its account.", fact=True),
    Meaning("Account Added User", "business", "They joined a company's account.", fact=True),
    Meaning("Account Removed User", "business", "They left a company's account.", fact=True),
    Meaning(
        "Signed Up", "business", "They have an account now.", fact=True, was=("User Signed Up",)
    ),
    Meaning("Signed In", "business", "They came back.", was=("User Signed In",)),
    Meaning("Signed Out", "business", "They left.", was=("User Signed Out",)),
    Meaning("Invite Sent", "business", "They asked somebody in.", was=("Invited User",)),
    Meaning("Trial Started", "business", "They try a paid plan.", fact=True),
    Meaning("Trial Ended", "business", "Their trial is over.", fact=True),
    # -- video
    *(
        Meaning(f"Video Playback {part}", "video", f"The player {said}.")
        for part, said in (
            ("Started", "began"),
            ("Paused", "was paused"),
            ("Interrupted", "was interrupted"),
            ("Buffer Started", "waits for the network"),
            ("Buffer Completed", "goes on after waiting"),
            ("Seek Started", "is moved to another place"),
            ("Seek Completed", "was moved to another place"),
            ("Resumed", "goes on"),
            ("Completed", "reached the end"),
            ("Exited", "was left"),
        )
    ),
    *(
        Meaning(f"Video {what} {part}", "video", f"{subject} {said}.")
        for what, subject in (("Content", "A film"), ("Ad", "An advertisement in a film"))
        for part, said in (
            ("Started", "began"),
            ("Playing", "is being watched"),
            ("Completed", "was watched to its end"),
        )
    ),
    # -- live chat, and conversations with an assistant
    Meaning("Live Chat Conversation Started", "chat", "They have a question for us."),
    Meaning("Live Chat Message Sent", "chat", "They wrote to us."),
    Meaning("Live Chat Message Received", "chat", "We wrote to them."),
    Meaning("Live Chat Conversation Ended", "chat", "The conversation is over."),
    Meaning("Conversation Started", "chat", "They began to talk with an assistant."),
    Meaning("Message Sent", "chat", "They wrote to an assistant."),
    Meaning("Message Received", "chat", "An assistant wrote to them."),
    Meaning("Conversation Ended", "chat", "The talk with an assistant is over."),
    Meaning("Action Invoked", "chat", "An assistant did something for them."),
    Meaning("Media Generated", "chat", "An assistant made a picture or a sound."),
    Meaning("Component Loaded", "chat", "An assistant showed them something."),
    Meaning("Feedback Submitted", "chat", "They rated an assistant."),
)

MEANINGS: Mapping[str, Meaning] = MappingProxyType({each.name: each for each in _TABLE})
"""The table, by name, in the order in which a reader meets the events."""


def _those(fits: Callable[[Meaning], object]) -> tuple[str, ...]:
    return tuple(name for name, each in MEANINGS.items() if fits(each))


ORDERS = frozenset(_those(lambda each: each.order))
"""All that is said about an order."""
CARTS = frozenset(_those(lambda each: each.cart))
"""All that changes a cart."""
GOODS = frozenset(_those(lambda each: each.goods))
"""All that names products and amounts."""
FACTS = frozenset(_those(lambda each: each.fact))
"""All that is so, whoever tells it."""
TOUCHES = _those(lambda each: each.mail in ("opened", "clicked"))
"""Openings and clicks of a mail."""

_BETWEEN = re.compile(r"[\s_\-.]+")
_LONGEST = 64
"""No name of the table is as long, however its words are set apart."""


def _bare(name: str) -> str:
    """What is compared of a name: its letters, in lower case."""
    return _BETWEEN.sub("", name).casefold()


_SPELLED = {_bare(old): each.name for each in _TABLE for old in (*each.was, each.name)}


def known_as(name: str) -> str:
    """The one spelling of a spec'd name; any other name as it is."""
    return name if name in MEANINGS or len(name) > _LONGEST else _known(name)


@lru_cache(maxsize=4_096)
def _known(name: str) -> str:
    return _SPELLED.get(_bare(name), name)
