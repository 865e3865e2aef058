"""What Segment's client for browsers asks for when it starts: where to send, and what to load besides (nothing)."""

from __future__ import annotations

from typing import Any

PATIENT = {"maxRetryCount": 100}
"""A page tries as often as the client allows; by its own choice it gives a call up after ten times."""


def settings(write_key: str, base_url: str) -> dict[str, Any]:
    """The settings of a source, in the shape that `@segment/analytics-next` reads."""
    protocol, _, host = base_url.partition("://")
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "httpConfig": {"backoffConfig": PATIENT, "rateLimitConfig": PATIENT},
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
