"""Rows that each say something of somebody: whose a row is, and the columns that are kept as they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from duyen.connectors.cells import read_email, read_id, read_phone
from duyen.connectors.fields import WHO
from duyen.connectors.report import Distinct, count
from duyen.connectors.rows import LONGEST_ID, Conversion, Memo, Result, encode
from duyen.connectors.tables import Batch
from duyen.connectors.values import Reader, reader_of
from duyen.model.event import Collected


class Who(NamedTuple):
    """The identifiers of a row; "" where it has none."""

    customer_id: str
    anonymous_id: str
    email: str
    phone: str
    others: tuple[tuple[str, str], ...]

    def fields(self) -> dict[str, Any]:
        """As fields of a collected call: what is no id of the call's own goes into its context."""
        context: dict[str, Any] = {}
        traits = {name: value for name in ("email", "phone") if (value := getattr(self, name))}
        if traits:
            context["traits"] = traits
        if self.others:
            context["externalIds"] = [{"type": n, "id": v} for n, v in self.others]
        fields: dict[str, Any] = {"user_id": self.customer_id, "anonymous_id": self.anonymous_id}
        if context:
            fields["context"] = msgspec.Raw(encode(context))
        return fields

    def __bool__(self) -> bool:
        return any(self)


class Whose(Conversion):
    """A conversion whose rows stand each for itself."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        mapping = self.mapping
        self.ids = Memo(read_id)
        readers = {"email": Memo(self._email), "phone": Memo(read_phone)}
        self._who = [
            (mapping.columns.get(field, ""), readers.get(field, self.ids)) for field in WHO
        ]
        self._more: list[tuple[str, str, Reader]] = [
            (name, column, self._reader(name)) for name, column in mapping.more.items()
        ]
        self._people = Distinct()

    def _reader(self, name: str) -> Reader:
        type = self.mapping.types.get(name, "text")
        return reader_of(type, self.mapping.decimal, self.mapping.dates, self.zone)

    def _email(self, cell: Any) -> str:
        address = read_email(cell)
        if cell is not None and not address:
            count(self.report.notes, "distinct cells that are no e-mail address")
        return address

    @abstractmethod
    def _row(self, position: int, who: Who, cells: dict[str, Any]) -> list[Collected] | list[str]:
        """The events of one row, or what is wrong with it."""

    def _results(self) -> Iterator[Result]:
        yield from super()._results()
        self.report.customers = len(self._people)

    def _take(self, batch: Batch) -> Iterator[Result]:
        bad = list(reversed(batch.unreadable))
        names = tuple(batch.columns)
        for position, line, raw in zip(
            batch.positions, batch.lines, zip(*batch.columns.values(), strict=True), strict=True
        ):
            while bad and bad[-1].position < position:
                yield self._unreadable(bad.pop())
            self.report.rows += 1
            cells = dict(zip(names, raw, strict=True))
            who = self._whose(cells)
            found = self._row(position, who, cells) if who else ["nobody is named"]
            long = [name for name, id in zip(WHO, who, strict=False) if len(id) > LONGEST_ID]
            if long or not found or isinstance(found[0], str):
                told = [f"the {name} is longer than {LONGEST_ID} characters" for name in long]
                told += [fault for fault in found if isinstance(fault, str)]
                yield self._reject(position, line, tuple(told), batch, raw)
                self._check_hope()
                continue
            self.report.accepted += 1
            self._people.add("\n".join(who[:4]))
            for event in found:
                if isinstance(event, Collected):
                    yield self._noted(event), None
        while bad:
            yield self._unreadable(bad.pop())

    def _whose(self, cells: dict[str, Any]) -> Who:
        known = [read[cells[column]] if column else "" for column, read in self._who]
        others = tuple(
            (namespace, id)
            for namespace, column in self.mapping.ids.items()
            if (id := self.ids[cells[column]])
        )
        customer, anonymous, email, phone = known
        return Who(customer, anonymous, email, phone, others)

    def more(self, cells: dict[str, Any]) -> dict[str, Any]:
        """The columns that are kept; a cell that is none of its column's type is kept as the text it is."""
        found = {}
        for name, column, read in self._more:
            cell = cells[column]
            if cell is None:
                continue
            value = read(cell)
            if value is None:
                count(
                    self.report.notes, f"cells of “{column}” that are no {self.mapping.types[name]}"
                )
                value = str(cell)
            found[name] = value
        return found
