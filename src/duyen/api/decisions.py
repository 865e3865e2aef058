"""One decision, with everything that led to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from duyen.api import views
from duyen.api.office import By, Of, reply
from duyen.api.shapes.decisions import DecisionRow
from duyen.model.errors import NotFound

router = APIRouter(tags=["decisions"])


@router.get("/v1/decisions/{id}", response_model=DecisionRow, summary="One decision in full.")
def get_decision(
    id: Annotated[str, Path(max_length=100, description="Id of the decision.")],
    office: Of,
    caller: By,
) -> Response:
    """Candidates, propensity, features as of then, reason, and whether it was seen."""
    decision = office.state.decision(id)
    if decision is None:
        raise NotFound(
            "decision.unknown",
            f"There is no decision “{id}”; one made a moment ago may still be on its way.",
        )
    owner = office.state.decision_owner(id) or decision.person
    head = office.state.head(owner)
    person = head.person if head else None
    of = views.reference(person) if person else views.references(office, [owner])[owner]
    program = office.program()
    return reply(views.decision_row(decision, of, program, office, views.seen(person, decision)))
