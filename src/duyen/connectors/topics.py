"""Where devices speak: brokers and their topics, as they are declared, and messages as rules see them."""

from __future__ import annotations

from typing import Any

from duyen.model.errors import InvalidRule
from duyen.model.source import Broker

MOST_TOPICS = 50


def check_broker(broker: Broker) -> None:
    """Refuse a broker that could not be listened to; raises InvalidRule."""
    if not broker.host.strip() or len(broker.host) > 255 or not 1 <= broker.port <= 65_535:
        raise InvalidRule(
            "source.broker_address", "Name the broker's host, and a port up to 65535.", at="broker"
        )
    if not 1 <= broker.rate <= 100_000:
        raise InvalidRule(
            "source.broker_rate", "Take 1 to 100,000 messages a second.", at="broker.rate"
        )
    if not 0 < len(broker.topics) <= MOST_TOPICS or not all(map(_is_filter, broker.topics)):
        raise InvalidRule(
            "source.topics",
            f"Name 1 to {MOST_TOPICS} topics, such as till/+/sale or sensors/#.",
            at="broker.topics",
        )


def _is_filter(topic: str) -> bool:
    levels = topic.split("/")
    return (
        0 < len(topic) <= 500
        and topic.isprintable()
        and all(level == "+" or "+" not in level for level in levels)
        and all("#" not in level for level in levels[:-1])
        and (levels[-1] == "#" or "#" not in levels[-1])
    )


def framed(topic: str, payload: Any) -> dict[str, Any]:
    """A message as rules see it: `topic`, its `levels`, and what it holds, as `payload`."""
    return {"topic": topic, "levels": topic.split("/"), "payload": payload}
