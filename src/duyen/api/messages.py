"""A message as one person would read it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from duyen.api import views
from duyen.api.mail import harmless
from duyen.api.office import By, Of, Office, answers, reply
from duyen.api.person import head_of
from duyen.api.program import Id
from duyen.api.shapes.messages import MessagePreview
from duyen.messages.links import Links
from duyen.model.errors import NotFound
from duyen.model.person import Person
from duyen.runtime.computed import computed_traits
from duyen.runtime.view import Views
from duyen.step.plan import plan_of

router = APIRouter(tags=["program"])
READERS = 200
"""Of so many who were last active, the first with an address is shown as the reader."""
NOBODYS = b"a preview, not a mail"
For = Annotated[
    str,
    Query(
        max_length=600,
        description="`namespace:value` of the reader; else the newest person with an address.",
    ),
]


@router.get(
    "/v1/messages/{id}/preview",
    response_model=MessagePreview,
    summary="A message rendered for one person.",
)
def preview(id: Id, office: Of, caller: By, profile: For = "") -> Response:
    """Nothing is sent, and its links count nothing."""
    rendered, person = _rendered(office, id, profile)
    message = office.program().messages[id]
    body = MessagePreview(
        subject=rendered.subject,
        preheader=message.preheader,
        text=rendered.text,
        person=views.reference(person) if person else None,
    )
    return reply(body)


@router.get(
    "/v1/messages/{id}/preview/html",
    summary="The HTML of a message rendered for one person, for a sandboxed frame.",
    response_class=Response,
    responses=answers("text/html"),
)
def preview_html(id: Id, office: Of, caller: By, profile: For = "") -> Response:
    """Under the same policy as a caught mail."""
    return harmless(_rendered(office, id, profile)[0].html)


def _rendered(office: Office, id: str, profile: str) -> tuple[Any, Person | None]:
    from duyen.journeys.contact import address_of
    from duyen.messages.template import render
    from duyen.messages.view import view_of
    from duyen.rules.quiet import zone_of

    program = office.program()
    message = program.messages.get(id)
    if message is None:
        raise NotFound("message.unknown", f"There is no message “{id}”.")
    found = _reader(office, profile)
    person = found or Person("nobody")
    address = address_of(person) or "an@example.test"
    # Sealed with a key that no door knows: whoever tries a link of a preview speaks for nobody.
    links = Links(NOBODYS, office.links.base_url).of(
        key="preview", person=person.id, address=address, message=id, purpose="", brand=""
    )
    offered = Views(office.state, office.house.folder / "models").newest()
    view = view_of(
        message,
        person,
        address,
        trigger={},
        recommendations=offered.recommended(person, message.recommend, program.settings.currency),
        links=links,
        settings=program.settings,
        zone=zone_of(person, program.settings),
        now=office.now(),
        computed=computed_traits(office.state, plan_of(program), person, office.now()),
    )
    return render(message, view), found


def _reader(office: Office, profile: str) -> Person | None:
    if profile:
        return head_of(office, profile).person
    from duyen.journeys.contact import address_of

    newest = [row.person for row in office.state.list_people(None, READERS)]
    heads = office.state.heads(newest)
    people = [heads[id].person for id in newest if id in heads]
    return next((person for person in people if address_of(person)), next(iter(people), None))
