"""The shapes of answers, as the API's description and the console's types have them.

An instant is RFC 3339 in UTC; a total of money is a decimal string whose currency stands once in the answer; an
estimate is plain numbers; a rate is a fraction; null where nothing is known, never a missing field.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

Json = dict[str, Any]
Arm = Literal["treated", "held_out"]
T = TypeVar("T")


class ErrorBody(TypedDict):
    """What went wrong, for whoever can act: a stable code, a sentence, and the place in what was sent."""

    code: str
    message: str
    at: NotRequired[str]
    docs: str


class ApiError(TypedDict):
    """The one error shape of the API."""

    error: ErrorBody


class Page(TypedDict, Generic[T]):
    """One page of a list; `next` is the cursor of the following one, `total` null where counting would be slow."""

    data: list[T]
    next: str | None
    total: int | None


class Estimate(TypedDict):
    """A number with its 95 % interval and the sample it rests on; limits are null below two samples."""

    value: float
    low: float | None
    high: float | None
    n: int


class PersonRef(TypedDict):
    """Enough of a person to name them and to link to them."""

    id: str
    key: str
    name: str | None


class Named(TypedDict):
    """Something with an id and the name people gave it."""

    id: str
    name: str


# -- session


class Workspace(TypedDict):
    """The company as the console shows it."""

    name: str
    timezone: str
    currency: str
    language: str


class Me(TypedDict):
    """Who is signed in, and where."""

    email: str
    workspace: Workspace
    demo: bool
    version: str


class Login(TypedDict):
    """E-mail address and password of an administrator."""

    email: str
    password: str


class Done(TypedDict):
    """It was done, or (`applied` false) will be as soon as the engine comes to it."""

    applied: bool


# -- overview


class PeopleCount(TypedDict):
    """People known, and by arm of the global experiment."""

    total: int
    treated: int
    held_out: int


class EventCount(TypedDict):
    """Events: mean of the last ten seconds, and of the workspace's day."""

    per_second: float
    today: int
    rejected_today: int


class MailCount(TypedDict):
    """Mails of the workspace's day, and what waits now."""

    sent_today: int
    opened_today: int
    clicked_today: int
    refused_today: int
    waiting: int


class TodayCount(TypedDict):
    """A count of the workspace's day."""

    today: int


class OrderCount(TypedDict):
    """Orders of the workspace's day."""

    today: int
    revenue_today: str


class EngineState(TypedDict):
    """Entries of the log that wait for the engine; `still`: it has applied nothing for 15 seconds meanwhile."""

    waiting: int
    still: bool


# `from` is a word of Python, hence the functional form.
PerMinute = TypedDict("PerMinute", {"from": str, "events": list[int], "sends": list[int]})


class Happened(TypedDict):
    """One line of what just happened."""

    id: str
    time: str
    kind: Literal["event", "decision", "contact"]
    person: PersonRef
    subject: str
    subject_name: str | None
    detail: str | None
    state: str | None
    reason: str | None


class Effect(TypedDict):
    """Treated minus held out, and relative to the held-out's mean."""

    difference: Estimate
    relative: Estimate | None


class ArmTotals(TypedDict):
    """One arm of an experiment."""

    people: int
    converted: int
    orders: int
    revenue: str
    crossed: int
    conversion: Estimate
    revenue_per_person: Estimate


class LiftReport(TypedDict):
    """Treated against held out, by intention to treat."""

    experiment: str
    since: str | None
    as_of: str
    currency: str
    level: float
    hold_out: float
    treated: ArmTotals
    held_out: ArmTotals
    conversion: Effect | None
    revenue: Effect | None


class Overview(TypedDict):
    """The living state of the programme; cheap enough to be asked every two seconds."""

    now: str
    currency: str
    paused: bool
    people: PeopleCount
    events: EventCount
    mails: MailCount
    decisions: TodayCount
    orders: OrderCount
    lift: LiftReport | None
    per_minute: PerMinute
    engine: EngineState
    latest: list[Happened]


class Paused(TypedDict):
    """Whether everything that leaves is stopped."""

    paused: bool


# -- people


class PersonRow(PersonRef):
    """A line of the people list."""

    email: str | None
    segments: list[Named]
    arm: Arm | None
    events: int
    first: str
    last: str


class IdentifierRow(TypedDict):
    """One identifier of a person."""

    namespace: str
    value: str
    since: str


class TraitRow(TypedDict):
    """A trait with the event that wrote it; a computed one has the source `computed` and no event."""

    name: str
    value: Any
    time: str
    source: str
    source_name: str
    event: str


class ConsentRow(TypedDict):
    """What a person said about one purpose and channel; `*` stands for any."""

    brand: str
    purpose: str
    channel: str
    state: Literal["granted", "denied"]
    time: str
    proof: str


class Membership(TypedDict):
    """A segment a person is in, and when time alone ends it."""

    id: str
    name: str
    since: str | None
    until: str | None


class CellRow(TypedDict):
    """The arm of an experiment that a person is in."""

    experiment: str
    arm: Arm
    since: str
    crossed: bool


class OutcomeRow(TypedDict):
    """What a person bought since they were put into the global experiment."""

    orders: int
    revenue: str
    currency: str


class PlaceRow(TypedDict):
    """Where a person stands in a journey."""

    journey: str
    journey_name: str
    run: str
    entered: str
    step: list[int]
    next: str | None
    done: bool
    outcome: str


class Profile(PersonRef):
    """Everything known about one person."""

    email: str | None
    identifiers: list[IdentifierRow]
    verified: bool
    traits: list[TraitRow]
    consent: list[ConsentRow]
    segments: list[Membership]
    cells: list[CellRow]
    outcome: OutcomeRow
    places: list[PlaceRow]
    first: str
    last: str
    events: int


class Apart(TypedDict):
    """Identifiers of a profile that belong to somebody else, as `namespace:value`."""

    apart: list[str]


class HolderRow(TypedDict):
    """An identifier and the id of the person who holds it; null where nobody's own history names it."""

    identifier: str
    person: str | None


class Unmerged(TypedDict):
    """A profile was taken apart: who kept the others, and who holds what was taken out."""

    applied: bool
    person: str
    apart: list[HolderRow]


class EventRow(TypedDict):
    """One event of a person."""

    id: str
    type: Literal["track", "identify", "page", "screen", "group", "alias"]
    name: str
    time: str
    received: str
    source: str
    source_name: str
    trusted: bool
    imported: bool
    quality: Literal["", "bot", "prefetch", "proxy", "scanner"]
    identifiers: list[tuple[str, str]]
    properties: Json
    traits: Json
    context: Json


class CandidateRow(TypedDict):
    """One arm as the policy saw it; `excluded` says why it was left out."""

    arm: str
    name: str
    score: float
    propensity: float
    excluded: str


class DecisionRow(TypedDict):
    """One decision with everything that led to it."""

    id: str
    time: str
    person: PersonRef
    placement: Named
    fill: Literal["offers", "items", "fallback"]
    chosen: Named | None
    items: list[Named]
    propensity: float
    arm: Arm
    policy: str
    policy_version: str
    program_version: int
    reason: str
    candidates: list[CandidateRow]
    features: Json
    content: dict[str, str]
    explanation: list[str]
    viewed: bool
    clicked: bool
    source: str


class ContactWhy(TypedDict):
    """Why a contact came about."""

    origin: str
    journey: Named | None
    run: str | None
    step: list[int] | None
    entry: Json | None
    unless: Json | None
    trigger: Json
    arm: Arm | None


class ContactRow(TypedDict):
    """One line of the contact ledger: what was said, or what the contact policy refused."""

    key: str
    time: str
    channel: str
    purpose: str
    brand: str
    message: Named
    message_version: int | None
    state: str
    reason: str
    retry_at: str | None
    opened_at: str | None
    clicked_at: str | None
    mail: str | None
    why: ContactWhy


# -- mail


class MailRow(TypedDict):
    """A mail in the catcher."""

    id: str
    time: str
    to: str
    subject: str
    message: Named | None
    person: PersonRef | None
    size: int


class LinkRow(TypedDict):
    """A link of a mail: its text, the tracked address, and where it leads."""

    text: str
    url: str
    target: str | None


_MailHead = TypedDict("_MailHead", {"from": str})


class Mail(MailRow, _MailHead):
    """A mail of the catcher in full."""

    headers: list[tuple[str, str]]
    text: str
    has_html: bool
    contact: str | None
    links: list[LinkRow]


# -- results


class RefusalCount(TypedDict):
    """How often the contact policy refused for one reason."""

    reason: str
    count: int


class MessageResult(Named):
    """What became of one message."""

    channel: str
    sent: int
    failed: int
    refused: int
    held_out: int
    waiting: int
    opened: int
    clicked: int
    bot_opened: int
    bot_clicked: int
    unsubscribed: int
    open_rate: Estimate
    click_rate: Estimate
    orders: int
    revenue: str


class MessagesReport(TypedDict):
    """Messages, the most sent first."""

    since: str
    as_of: str
    currency: str
    data: list[MessageResult]
    refusals: list[RefusalCount]


class StepResult(TypedDict):
    """One step of a journey and the people who stand at it."""

    path: list[int]
    kind: Literal["wait", "send", "if", "exit"]
    step: Json
    people: int


class JourneyResult(Named):
    """What became of one journey."""

    live: bool
    entered: int
    active: int
    finished: int
    sent: int
    refused: int
    held_out: int
    steps: list[StepResult]


class JourneysReport(TypedDict):
    """Journeys by name."""

    as_of: str
    currency: str
    data: list[JourneyResult]


class ArmResult(TypedDict):
    """One arm of a placement; `rate` is clicks per view."""

    arm: str
    name: str
    chosen: int
    share: float
    views: int
    clicks: int
    rate: Estimate


class PlacementResult(Named):
    """What was decided at one placement."""

    fill: Literal["offers", "items"]
    policy: str
    decisions: int
    held_out: int
    fallback: int
    arms: list[ArmResult]


class DecisionsReport(TypedDict):
    """Placements by name."""

    since: str
    as_of: str
    data: list[PlacementResult]


# -- program


class Resource(Named):
    """A definition as `duyen apply` sends it, with its version; `problem` is why it stands still, or null."""

    definition: Json
    yaml: str
    version: int
    updated_at: str
    author: str
    live: bool
    problem: str | None


class SegmentResource(Resource):
    """A segment and how many people are in it now."""

    count: int


class Version(TypedDict):
    """One version of a definition; `definition` is null where it was deleted."""

    version: int
    definition: Json | None
    author: str
    time: str


class Rule(TypedDict):
    """A rule in its YAML form."""

    rule: Json


class SegmentPreview(TypedDict):
    """Who would be in a segment now: of `looked_at` people; exact where that is everybody."""

    count: int
    looked_at: int
    total: int
    exact: bool
    sample: list[PersonRow]


class Member(PersonRef):
    """A member of a segment."""

    email: str | None
    since: str


class MessagePreview(TypedDict):
    """A message rendered for one person."""

    subject: str
    preheader: str
    text: str
    person: PersonRef | None


class CatalogueItem(TypedDict):
    """One product of the catalogue."""

    id: str
    name: str
    price: str
    currency: str
    category: str
    url: str
    image: str
    brand: str
    stock: int | None
    sellable: bool
    tags: list[str]
    attributes: Json


class ItemsStored(TypedDict):
    """How many items were stored."""

    stored: int
    applied: bool


# -- rejected, settings, clock


class RejectedRow(TypedDict):
    """A call that could not become an event, with its reasons."""

    id: str
    received: str
    source: str
    source_name: str
    reasons: list[str]
    payload: str
    replayed: str | None


class Replay(TypedDict, total=False):
    """Which rejected calls to judge again; `payload` is the call of `id`, put right."""

    ids: list[str]
    all: bool
    source: str
    cursor: str | None
    id: str
    payload: Json


class ReplayedRow(TypedDict):
    """What became of a rejected call: an event, or still rejected for these reasons."""

    id: str
    state: Literal["replayed", "rejected"]
    reasons: list[str]


class Replayed(TypedDict):
    """What became of each call, and the cursor of the following ones."""

    applied: bool
    data: list[ReplayedRow]
    next: str | None


class CapRow(TypedDict):
    """At most `most` contacts within a duration."""

    most: int
    within: str
    channel: str


class Server(TypedDict):
    """What this server runs with."""

    version: str
    base_url: str
    clock: Literal["real", "simulated"]
    mail: str
    data: str


class Settings(TypedDict):
    """The workspace's settings, durations in their YAML form."""

    name: str
    timezone: str
    currency: str
    language: str
    brands: list[str]
    hold_out: float
    hold_out_salt: str
    caps: list[CapRow]
    quiet_from: str
    quiet_to: str
    paused: bool
    send_only_to: list[str]
    sender: str
    reply_to: str
    postal_address: str
    conversion_window: str
    identity: Json
    blocked: list[str]
    version: int
    updated_at: str | None
    author: str | None
    server: Server


class ClockSet(TypedDict):
    """The instant that simulated time moves to (RFC 3339, or milliseconds)."""

    now: str | int


class Clock(TypedDict):
    """The present instant, and whether everything due by then has been done."""

    now: str
    settled: bool
