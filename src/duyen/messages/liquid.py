"""The Liquid that messages are written in: always escaped in HTML, with limits, with money and dates.

Left out on purpose: `include` and `render` (a message is one text), `safe` and `base64_*` (no way around
escaping), `increment` and `decrement`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from functools import wraps
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, Markup, Node, RenderContext, Tag
from liquid.ast import BlockNode
from liquid.exceptions import LoopIterationLimitError
from liquid.filter import liquid_filter, with_context
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.token import TOKEN_EOF, TOKEN_TAG, Token
from liquid.undefined import is_undefined
from liquid.utils import ReadOnlyChainMap

from duyen.messages.formats import format_date, format_money, format_number
from duyen.messages.links import MailLinks, is_web

MOST_OUTPUT = 1_000_000
MOST_LOOPS = 2_000
MOST_LOCALS = 200_000
LOCALE = "\0locale"
"""Key of (language, currency, zone) in a view; no template can name it."""
LINKS = "\0links"
"""Key of the mail's links in a view."""

_LEFT_OUT_TAGS = ("include", "render", "increment", "decrement")
_LEFT_OUT_FILTERS = (
    "safe",
    "escapejs",
    "base64_encode",
    "base64_decode",
    "base64_url_safe_encode",
    "base64_url_safe_decode",
)
_LIST_FILTERS = (
    *("join", "concat", "map", "reverse", "sort", "sort_natural", "sum", "uniq", "compact"),
    *("where", "reject", "find", "find_index", "has", "first", "last"),
)
_UNSEEN = re.compile(r"[\x00-\x20\x7f]+")
"""What mail readers drop from an address before they look at its scheme."""
_OTHER_SCHEMES = ("mailto:", "tel:", "sms:", "#")


class _Limited(Environment):
    """Liquid for one kind of text."""

    output_stream_limit = MOST_OUTPUT
    loop_iteration_limit = MOST_LOOPS
    local_namespace_limit = MOST_LOCALS


class TrackedNode(Node):
    """The address of a link: rendered, then made one that tells us of the click."""

    __slots__ = ("block",)

    def __init__(self, token: Token, block: BlockNode) -> None:
        super().__init__(token)
        self.block = block
        self.blank = False

    def __str__(self) -> str:
        return f"{{% tracked %}}{self.block}{{% endtracked %}}"

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the tracked address, escaped where the text is HTML."""
        inner = context.get_buffer(buffer)
        self.block.render(context, inner)
        written = inner.getvalue()
        url = html.unescape(written) if context.autoescape else written
        address = tracked(url, context)
        return buffer.write(str(Markup.escape(address)) if context.autoescape else address)

    def children(
        self, static_context: RenderContext, *, include_partials: bool = True
    ) -> Iterable[Node]:
        """The address as it is written."""
        yield self.block


class _TrackedTag(Tag):
    """`{% tracked %}url{% endtracked %}`: put around every link's address when a message is compiled."""

    name = "tracked"
    end = "endtracked"

    def parse(self, stream: TokenStream) -> Node:
        """Read the address up to the end tag."""
        token = stream.eat(TOKEN_TAG)
        block = get_parser(self.env).parse_block(stream, frozenset((self.end, TOKEN_EOF)))
        stream.expect(TOKEN_TAG, value=self.end)
        return TrackedNode(token, block)


def tracked(url: str, context: RenderContext) -> str:
    """The address as it tells us of a click; `#` for a scheme that does not belong into a mail."""
    links = context.globals.get(LINKS)
    if isinstance(links, MailLinks) and url in links.known:
        return links.known[url]
    clean = _UNSEEN.sub("", url)
    if is_web(clean):
        return links.track(clean) if isinstance(links, MailLinks) else clean
    return clean if clean.lower().startswith(_OTHER_SCHEMES) else "#"


_NOWHERE: tuple[str, str, tzinfo] = ("en", "", UTC)


def _locale(context: RenderContext) -> tuple[str, str, tzinfo]:
    return context.globals.get(LOCALE, _NOWHERE)  # type: ignore[return-value]  # only view_of writes it


@with_context
@liquid_filter
def _money(value: object, currency: object = "", *, context: RenderContext) -> str:
    language, own, _ = _locale(context)
    if type(currency) is not str:
        currency = "" if is_undefined(currency) else str(currency or "")
    if type(value) is not str and is_undefined(value):
        return ""
    return format_money(value, currency or own, language)


@with_context
@liquid_filter
def _number(value: object, *, context: RenderContext) -> str:
    return "" if is_undefined(value) else format_number(value, _locale(context)[0])


@with_context
@liquid_filter
def _date(value: object, shape: object = "date", *, context: RenderContext) -> str:
    language, _, zone = _locale(context)
    if is_undefined(value) or is_undefined(shape):
        return ""
    if value in ("now", "today"):
        value = context.globals.get("now")
    return format_date(value, zone, language, str(shape))


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter over lists that refuses a range as long as a loop may not be: `(1..1000000000) | join`."""

    @wraps(function)
    def checked(*values: Any, **named: Any) -> Any:
        for value in values:
            if isinstance(value, range) and value and value[-1] - value[0] > MOST_LOOPS:
                raise LoopIterationLimitError("a range this long is not allowed", token=None)
        return function(*values, **named)

    return checked


def _environment(autoescape: bool) -> Environment:
    made = _Limited(autoescape=autoescape)
    for tag in _LEFT_OUT_TAGS:
        made.tags.pop(tag, None)
    for name in _LEFT_OUT_FILTERS:
        made.filters.pop(name, None)
    for name in _LIST_FILTERS:
        made.filters[name] = _counted(made.filters[name])
    made.add_tag(_TrackedTag)
    for name, function in (("money", _money), ("number", _number), ("date", _date)):
        made.add_filter(name, function)
    return made


HTML = _environment(autoescape=True)
TEXT = _environment(autoescape=False)


class _Scope(ReadOnlyChainMap):
    """The library's chain of names without an exception for each map that lacks a name."""

    def __getitem__(self, key: str) -> object:
        """The value in the first map that has the name; raises KeyError."""
        for names in self._maps:
            if key in names:
                return names[key]
        raise KeyError(key)


def context_of(template: BoundTemplate, view: Mapping[str, object]) -> RenderContext:
    """A context in which a template sees a view."""
    context = RenderContext(template, globals=view)
    context.scope = _Scope(*context.scope._maps)
    return context


def render(template: BoundTemplate, view: Mapping[str, object]) -> str:
    """Fill in a template by the library alone; `quick` does the same faster."""
    context = context_of(template, view)
    buffer: StringIO = context.get_buffer()
    template.render_with_context(context, buffer)
    return buffer.getvalue()
