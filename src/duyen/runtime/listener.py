"""The listener: hears devices at their brokers, one task for each source, and tells the log."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
from contextlib import closing, suppress

from duyen.connectors.delivery import Delivery, Unreadable
from duyen.connectors.kinds import KINDS
from duyen.connectors.mqtt import Line, Lost, Packet
from duyen.model.errors import DuyenError, Unavailable
from duyen.model.event import Collected, Rejected
from duyen.model.log import Lane, encode_entry
from duyen.model.source import Broker, Source
from duyen.runtime import receive
from duyen.runtime.group_commit import GroupCommit
from duyen.runtime.heard import Hearing
from duyen.runtime.house import House, claimed
from duyen.runtime.settings import Settings
from duyen.runtime.sources import Sources, wanted

LOOK_EVERY = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds until a broker that could not be reached is tried again."""
FULL_PAUSE = 2.0
"""Seconds until what the disk refused is tried again; the broker keeps the rest meanwhile."""

Entries = list[Collected | Rejected]


class Listener:
    """Listens to every source that has a broker, as they are declared, changed and taken away."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sources = Sources(house)
        self._commits = GroupCommit(house.stores.log(), house.clock)
        self._hearing = Hearing()
        self._key = house.secrets.derive(receive.GUESTS)
        self._tasks: dict[str, tuple[Source, asyncio.Task[None]]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until told to stop."""
        self._commits.start()
        try:
            while not stopping.is_set():
                await self._look()
                await self._tell()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), LOOK_EVERY)
        finally:
            await self._end(list(self._tasks))
            await self._tell()
            self._commits.stop()

    async def _look(self) -> None:
        """End what was changed or taken away, then start what was declared."""
        now = {source.id: source for source in wanted(self._sources.all())}
        await self._end([id for id, (source, _) in self._tasks.items() if now.get(id) != source])
        for id, source in now.items():
            if id not in self._tasks and source.broker is not None:
                task = asyncio.create_task(self._listen(source, source.broker))
                self._tasks[id] = source, task

    async def _end(self, ids: list[str]) -> None:
        tasks = [self._tasks.pop(id)[1] for id in ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self) -> None:
        heard = [encode_entry(each) for each in self._hearing.take()]
        if heard:
            with suppress(Unavailable):  # a full disk: the counts are the least that is lost then
                await self._commits.append(Lane.LIVE, heard)

    async def _listen(self, source: Source, broker: Broker) -> None:
        """Stay connected; a broker that cannot be reached is tried again, ever more slowly."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                password = self._sources.secret(source)
                async with Line(broker, password, self._identifier(source)) as line:
                    await self._hear(source, broker, line)
            except (Lost, DuyenError, OSError, ValueError) as error:
                why = f"The broker at {broker.host}:{broker.port}: {str(error).rstrip('.')}."
                self._hearing.note(source.id, self._house.clock.now(), why)
            held = time.monotonic() - began > LONGEST_PAUSE
            pause = FIRST_PAUSE if held else min(LONGEST_PAUSE, 2 * pause)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    def _identifier(self, source: Source) -> str:
        """The name of our session at the broker: the same after a restart, another's in another house."""
        return f"duyen-{self._house.secrets.derive('mqtt').hex()[:8]}-{source.id}"

    async def _hear(self, source: Source, broker: Broker, line: Line) -> None:
        while True:
            packets = await line.batch()
            began = time.monotonic()
            await self._take(source, packets)
            line.stored(packets)
            if lost := line.let_go():
                why = (
                    f"More came with QoS 0 than the {broker.rate:,} a second that are taken: {lost:,} messages were "
                    "let go. What is sent with QoS 1 waits at the broker."
                )
                self._hearing.note(source.id, self._house.clock.now(), why, refused=lost)
            await asyncio.sleep(max(0.0, len(packets) / broker.rate - (time.monotonic() - began)))

    async def _take(self, source: Source, packets: list[Packet]) -> None:
        """Make what messages tell durable, however long the disk refuses."""
        now = self._house.clock.now()
        currency = self._house.program().settings.currency
        entries: Entries = []
        for packet in packets:
            entries += self._read(source, packet, now, currency)
        encoded = [encode_entry(entry) for entry in entries]
        while encoded:
            try:
                await self._commits.append(Lane.LIVE, encoded)
                return
            except Unavailable as error:
                self._hearing.note(source.id, now, error.message)
                await asyncio.sleep(FULL_PAUSE)

    def _read(self, source: Source, packet: Packet, now: int, currency: str) -> Entries:
        try:
            told = KINDS[source.kind].read(
                Delivery(source, {}, packet.body, now, self._key, currency)
            )
        except (ValueError, Unreadable):
            reasons = (f"The message on {packet.topic[:200]} is neither JSON nor text.",)
            found: Entries = [receive.unread(source, packet.raw, reasons, now)]
        else:
            found = [*receive.judged(source, told, now)]
            if told.faults:
                found.append(receive.unread(source, packet.raw, tuple(told.faults), now))
        accepted = sum(isinstance(one, Collected) for one in found)
        wrong = [reason for one in found if isinstance(one, Rejected) for reason in one.reasons]
        self._hearing.note(
            source.id,
            now,
            wrong[0] if wrong else "",
            deliveries=1,
            accepted=accepted,
            rejected=len(found) - accepted,
            ignored=int(not found),
        )
        return found


def main(settings: Settings) -> None:
    """Run the listener of a data folder until told to stop."""
    logging.getLogger("mqtt").setLevel(logging.ERROR)
    house = House(settings)
    with closing(house), closing(claimed(house, "listener")):
        asyncio.run(_serve(house))


async def _serve(house: House) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await Listener(house).run(stopping)
