"""Devices that speak MQTT: messages of a broker, each acknowledged once it is durable.

What is sent with QoS 1 is acknowledged by hand and in order, so that the broker keeps what we have not stored, through
our restarts too (one session for each source), and sends no more at once than we take (`IN_FLIGHT`). What is sent with
QoS 0 nobody keeps: of a flood the newest are let go, and counted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from duyen.connectors.topics import framed
from duyen.model.source import Broker

IN_FLIGHT = 200
"""Messages with QoS 1 that the broker sends before one is acknowledged."""
MOST_WAITING = 2_000
"""Messages with QoS 0 that wait here; more are let go."""
LARGEST = 256 * 1024
"""Bytes of a message."""
SESSION = 7 * 24 * 3600
"""Seconds for which the broker keeps what comes while we are away."""
AT_ONCE = 200
REFUSED = 128
"""Answers to a subscription from here on are a no."""

Lost = aiomqtt.MqttError
"""The connection ended, or could not be made."""


class Packet(msgspec.Struct, frozen=True):
    """One message as it came."""

    topic: str
    raw: bytes
    number: int
    qos: int

    @property
    def body(self) -> dict[str, Any]:
        """The message as rules see it: JSON, else text; raises ValueError where it is neither."""
        try:
            return framed(self.topic, msgspec.json.decode(self.raw))
        except (msgspec.DecodeError, RecursionError):
            return framed(self.topic, self.raw.decode())


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """What came and was not taken yet."""

    let_go = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if item.qos == 0 and self.qsize() >= MOST_WAITING:
            self.let_go += 1
            return
        super().put_nowait(item)


class Line:
    """A connection to a broker; raises Lost where it ends."""

    def __init__(self, broker: Broker, password: str, identifier: str) -> None:
        self._broker, self._inbox = broker, _Inbox()
        five = broker.version == "5"
        how: dict[str, Any] = {"clean_start": False} if five else {"clean_session": False}
        self._client = aiomqtt.Client(
            broker.host,
            broker.port,
            identifier=identifier,
            username=broker.username or None,
            password=password or None,
            tls_context=ssl.create_default_context() if broker.tls else None,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            properties=_limits() if five else None,
            queue_type=lambda maxsize=0: self._inbox,  # type: ignore[arg-type]
            **how,
        )
        # aiomqtt acknowledges what it has received; we do what we have stored.
        self._paho = self._client._client
        self._paho.manual_ack_set(True)
        self._told = 0

    async def __aenter__(self) -> Line:
        await self._client.__aenter__()
        try:
            wanted = [(topic, 1) for topic in self._broker.topics]
            for topic, answer in zip(
                self._broker.topics, await self._client.subscribe(wanted), strict=True
            ):
                code: Any = answer
                if getattr(code, "value", code) >= REFUSED:
                    raise Lost(f"it does not let us listen to {topic}")
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def batch(self) -> list[Packet]:
        """The next messages, at least one."""
        found = [_packet(await anext(self._client.messages))]
        while len(found) < AT_ONCE and not self._inbox.empty():
            found.append(_packet(self._inbox.get_nowait()))
        return found

    def stored(self, packets: Sequence[Packet]) -> None:
        """Acknowledge messages that are durable now."""
        for packet in packets:
            if packet.qos:
                self._paho.ack(packet.number, packet.qos)

    def let_go(self) -> int:
        """How many messages with QoS 0 were let go since this was asked last."""
        count, self._told = self._inbox.let_go - self._told, self._inbox.let_go
        return count


def _packet(message: aiomqtt.Message) -> Packet:
    raw = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
    return Packet(str(message.topic), raw, message.mid, message.qos)


def _limits() -> Any:
    limits: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.ReceiveMaximum = IN_FLIGHT
    limits.MaximumPacketSize = LARGEST
    limits.SessionExpiryInterval = SESSION
    return limits
