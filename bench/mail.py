"""One mail to each of many people: rendered, written as MIME, handed over to an SMTP server of this machine.

    python -m bench.mail

Every mail is somebody's own: name, four recommended items with prices, links that tell of clicks, a text part and
one-click unsubscribe. The sink is a process that speaks SMTP, with pipelining as mail servers do, and forgets. The
baseline does the same work with what a Python program usually takes: the same template rendered by the template
library, the standard library's e-mail package, and smtplib over one connection for each process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import smtplib
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from multiprocessing.queues import Queue
from typing import Any, cast

import msgspec
import uvloop

from bench.figures import Figure, median_rate
from duyen.channels.email import EmailChannel, EmailSettings
from duyen.channels.interface import Outgoing
from duyen.messages import liquid
from duyen.messages.compose import Mail, compose
from duyen.messages.links import Links
from duyen.messages.template import Rendered, compile_message
from duyen.messages.view import item_view, view_of
from duyen.model.catalogue import Item
from duyen.model.effect import Enqueue
from duyen.model.message import Message
from duyen.model.person import Person, Trait
from duyen.model.program import WorkspaceSettings
from duyen.model.times import DAY, parse_time

MAILS = 3_000
BATCH = 100
PROCESSES = 2
NOW = parse_time("2026-11-22T02:00:00Z")
LINKS = Links(b"a secret for measurements only", "https://mail.shop.example")
SETTINGS = WorkspaceSettings(
    name="Lụa Hà Đông",
    sender="Lụa Hà Đông <chao@shop.example>",
    postal_address="12 Hàng Gai, Hà Nội",
)
BODY = """<mjml>
<mj-body>
<mj-section><mj-column>
<mj-text font-size="20px">Chào {{ person.name | default: "bạn" }},</mj-text>
<mj-text>
{% if person.city == "Hà Nội" %}Cửa hàng Hàng Gai{% else %}Cửa hàng{% endif %} có bốn món hợp với bạn.
</mj-text>
<mj-table>
{% for item in recommendations %}<tr>
<td><a href="{{ item.url }}"><img src="{{ item.image }}" width="80" alt=""/></a></td>
<td><a href="{{ item.url }}">{{ item.name }}</a><br/>{{ item.price | money: item.currency }}</td>
</tr>{% endfor %}
</mj-table>
<mj-button href="https://shop.example/moi?utm_source=duyen">Xem tất cả</mj-button>
</mj-column></mj-section>
</mj-body>
</mjml>"""
MESSAGE = Message(
    id="bon-mon",
    name="Bốn món",
    subject="{{ person.name }}, bốn món hợp với bạn",
    preheader="Chọn riêng cho {{ person.name }}",
    body=BODY,
)
ITEMS = [
    item_view(
        Item(
            f"i{n}",
            f"Khăn lụa tơ tằm số {n}",
            str(290_000 + 10_000 * n),
            "VND",
            url=f"https://shop.example/p/i{n}?utm_source=duyen",
            image=f"https://shop.example/anh/i{n}.jpg",
        )
    )
    for n in range(40)
]


def somebody(n: int) -> Person:
    """A person with a name and a city."""
    traits = {
        "name": Trait(f"Nguyễn Thị Ánh Tuyết {n}", 1, "e"),
        "city": Trait(("Hà Nội", "Huế", "Đà Nẵng")[n % 3], 1, "e"),
        "email": Trait(f"p{n}@example.test", 1, "e"),
    }
    return Person(id=f"p{n}", traits=traits)


def contact(n: int) -> Enqueue:
    """An admitted contact, as it lies in the outbox."""
    fields: dict[str, Any] = {
        "type": "enqueue",
        "key": f"{n:032x}",
        "person": f"p{n}",
        "message": MESSAGE.id,
        "version": 1,
        "channel": "email",
        "address": f"p{n}@example.test",
        "purpose": "marketing",
        "brand": "default",
        "origin": "journey:bon-mon",
        "created": NOW,
        "not_before": NOW,
        "expires": NOW + DAY,
        "inputs": {},
    }
    return msgspec.convert(fields, Enqueue)


def ours(n: int) -> Mail:
    """One mail, written by us."""
    items = [ITEMS[(n * 7 + k) % len(ITEMS)] for k in range(4)]
    return compose(MESSAGE, contact(n), somebody(n), items, LINKS, SETTINGS, zone=UTC, now=NOW)


def theirs(n: int) -> EmailMessage:
    """The same mail by the library's renderer and the standard library."""
    enqueue, person = contact(n), somebody(n)
    items = [ITEMS[(n * 7 + k) % len(ITEMS)] for k in range(4)]
    links = LINKS.of(
        key=enqueue.key,
        person=person.id,
        address=enqueue.address,
        message=MESSAGE.id,
        purpose="marketing",
        brand="default",
    )
    view = view_of(
        MESSAGE,
        person,
        enqueue.address,
        trigger={},
        recommendations=items,
        links=links,
        settings=SETTINGS,
        zone=UTC,
        now=NOW,
    )
    view["open_url"] = links.open
    compiled = compile_message(MESSAGE)
    subject, page, text = (
        liquid.render(one.template, view)
        for one in (compiled.subject, compiled.html, compiled.text)
    )
    return standard(Rendered(subject, page, text), enqueue, links.unsubscribe)


def standard(rendered: Rendered, enqueue: Enqueue, unsubscribe: str) -> EmailMessage:
    """MIME by the standard library."""
    mail = EmailMessage()
    mail["From"] = SETTINGS.sender
    mail["To"] = enqueue.address
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(NOW / 1000, UTC))
    mail["Message-ID"] = f"<{enqueue.key}@shop.example>"
    mail["List-Unsubscribe"] = f"<{unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail


class _Sink(asyncio.Protocol):
    """An SMTP server that takes everything over and forgets it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._to = cast(asyncio.WriteTransport, transport)
        self._buffer, self._in_content = b"", False
        self._to.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every whole line, and every whole mail."""
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._in_content else b"\r\n"
            line, found, rest = self._buffer.partition(end)
            if not found:
                return
            self._buffer = rest
            self._answer(b"." if self._in_content else line[:4].upper())

    def _answer(self, verb: bytes) -> None:
        self._in_content = verb == b"DATA"
        answers = {
            b"EHLO": b"250-sink\r\n250 PIPELINING",
            b"DATA": b"354 go on",
            b"QUIT": b"221 bye",
        }
        self._to.write(answers.get(verb, b"250 ok") + b"\r\n")
        if verb == b"QUIT":
            self._to.close()


def _serve(port: Queue[int]) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def sink() -> Iterator[int]:
    """A sink in a process of its own; its port."""
    port: Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=_serve, args=(port,), daemon=True)
    process.start()
    try:
        yield port.get(timeout=30)
    finally:
        process.terminate()
        process.join()


def send_ours(port: int, numbers: range) -> None:
    """What a sender process does with its contacts."""

    async def run() -> None:
        channel = EmailChannel(EmailSettings(port=port, security="none", connections=4))
        for start in range(0, len(numbers), BATCH):
            mails = [ours(n) for n in numbers[start : start + BATCH]]
            batch = [Outgoing(mail.key, mail.sender, mail.to, mail.content) for mail in mails]
            results = await channel.send(batch)
            assert all(result.fate == "sent" for result in results)
        await channel.close()

    uvloop.run(run())


def send_theirs(port: int, numbers: range) -> None:
    """The same by smtplib."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for n in numbers:
            server.send_message(theirs(n))


def rate_of(work: Callable[[int, range], None], port: int, mails: int) -> float:
    """Mails a second by PROCESSES processes."""
    share = mails // PROCESSES
    parts = [range(k * share, (k + 1) * share) for k in range(PROCESSES)]
    began = time.perf_counter()
    processes = [multiprocessing.Process(target=work, args=(port, part)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    return share * PROCESSES / (time.perf_counter() - began)


def _made(make: Callable[[int], object], mails: int) -> int:
    for n in range(mails):
        make(n)
    return mails


def run(mails: int = MAILS) -> list[Figure]:
    """Render and MIME on one core; then with the hand-over, on all."""
    ours(0)
    theirs(0)
    written = median_rate(partial(_made, ours, mails // 3))
    usual = median_rate(partial(_made, lambda n: theirs(n).as_bytes(), mails // 15))
    with sink() as port:
        handed = statistics.median(rate_of(send_ours, port, mails) for _ in range(3))
        usual_handed = statistics.median(rate_of(send_theirs, port, mails // 5) for _ in range(3))
    size = len(ours(1).content)
    library = "template library, email and smtplib of Python"
    return [
        Figure(
            f"mail: render and MIME, {size:,} bytes, one core",
            written,
            "mails/s",
            usual,
            "template library and email of Python",
        ),
        Figure(
            f"mail: render, MIME and SMTP to a local sink, {PROCESSES} senders",
            handed,
            "mails/s",
            usual_handed,
            library,
            "3,500 mails/s",
        ),
    ]


def main() -> None:
    """Print the figures."""
    for figure in run():
        ratio = f"{figure.ratio:.1f}x" if figure.ratio else ""
        print(f"{figure.name}: {figure.value:,.0f} {figure.unit}")
        print(f"    {ratio} of {figure.against}: {figure.baseline:,.0f}; target {figure.target}")


if __name__ == "__main__":
    main()
