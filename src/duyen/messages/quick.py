"""Liquid's parse tree turned into plain functions, once per message: the same output, several times faster.

What stands in nearly every mail (text, outputs, if, for, links) becomes a function each; whatever else a
template uses is left to the library's own nodes. A test holds both to the same output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import unescape
from typing import Any

from liquid import BoundTemplate, Markup, Node, RenderContext
from liquid.ast import BlockNode
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, PositionalArgument
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.path import Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.for_tag import ForLoop, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import (
    BreakLoop,
    ContinueLoop,
    LiquidInterrupt,
    LiquidSyntaxError,
    LiquidTypeError,
    OutputStreamLimitError,
)
from liquid.expression import Expression
from liquid.stringify import to_liquid_string

from duyen.messages.liquid import MOST_OUTPUT, TrackedNode, tracked

_escape: Callable[[str], str] = Markup.escape


def escape(text: str) -> str:
    """Escape text for HTML; most of it needs nothing, and a look is cheaper than a call."""
    if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
        return _escape(text)
    return text


class Page:
    """What has been written so far; counts it now and then."""

    __slots__ = ("_counted", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self._counted = 0

    def write(self, piece: str) -> int:
        """For nodes of the library."""
        self.pieces.append(piece)
        return len(piece)

    def check(self) -> None:
        """Raise where more has been written than a mail may hold."""
        self.size += sum(map(len, self.pieces[self._counted :]))
        self._counted = len(self.pieces)
        if self.size > MOST_OUTPUT:
            raise OutputStreamLimitError("output stream limit reached", token=None)


Op = Callable[[RenderContext, Page], None]
Value = Callable[[RenderContext], object]


def quicken(template: BoundTemplate) -> Callable[[RenderContext], str]:
    """A function that renders a template in a context."""
    run = _sequence(template.nodes, template.env.autoescape)

    def render(context: RenderContext) -> str:
        page = Page()
        try:
            run(context, page)
        except LiquidInterrupt as error:
            raise LiquidSyntaxError(f"unexpected '{error}'", token=None) from None
        page.check()
        return "".join(page.pieces)

    return render


def _sequence(nodes: Sequence[Node], autoescape: bool) -> Op:
    """Several nodes, one after the other; words between them are kept as they are."""
    parts = [
        node.text if isinstance(node, ContentNode) else _op(node, autoescape) for node in nodes
    ]

    def run(context: RenderContext, page: Page) -> None:
        append = page.pieces.append
        for part in parts:
            if type(part) is str:
                append(part)
            else:
                part(context, page)  # type: ignore[operator]

    return run


def _op(node: Node, autoescape: bool) -> Op:
    """One node."""
    kind = type(node)
    if isinstance(node, TrackedNode):
        return _link(node, autoescape)
    if kind is OutputNode:
        return _output(node, autoescape)
    if kind is BlockNode:
        return _block(node, autoescape)
    if kind is IfNode:
        return _if(node, autoescape)
    if kind is ForNode:
        return _for(node, autoescape)
    return _library(node)


def _library(node: Node) -> Op:
    def run(context: RenderContext, page: Page) -> None:
        node.render(context, page)  # type: ignore[arg-type]  # only `write` is called

    return run


def _output(node: Any, autoescape: bool) -> Op:
    value = _filtered(node.expression)

    def run(context: RenderContext, page: Page) -> None:
        found = value(context)
        if type(found) is str:
            page.pieces.append(escape(found) if autoescape else found)
        else:
            page.pieces.append(to_liquid_string(found, autoescape))

    return run


def _filtered(expression: Expression) -> Value:
    """A value and its filters."""
    if type(expression) is not FilteredExpression:
        return expression.evaluate
    value = _value(expression.left)
    filters = [_filter(one) for one in expression.filters or ()]
    if not filters:
        return value

    def filtered(context: RenderContext) -> object:
        found = value(context)
        for one in filters:
            found = one(found, context)
        return found

    return filtered


def _filter(one: Filter) -> Callable[[object, RenderContext], object]:
    """One filter, its arguments looked up directly; named arguments are left to the library."""
    if not all(type(argument) is PositionalArgument for argument in one.args):
        return one.evaluate
    values = [_value(argument.value) for argument in one.args]
    name, token = one.name, one.token

    def apply(left: object, context: RenderContext) -> object:
        function = context.filter(name, token=token)
        arguments = [value(context) for value in values]
        try:
            return function(left, *arguments)
        except TypeError as error:
            raise LiquidTypeError(f"{name}: {error}", token=token) from error

    return apply


def _value(expression: Expression) -> Value:
    """A path through plain names is looked up directly."""
    if isinstance(expression, Path) and all(isinstance(part, str) for part in expression.path):
        return _path(expression)
    return expression.evaluate


def _path(expression: Path) -> Value:
    """A path through plain maps; anything special about it is left to the library."""
    root, *rest = [str(part) for part in expression.path]

    def value(context: RenderContext) -> object:
        try:
            found: Any = context.scope[root]
            for part in rest:
                if type(found) is not dict:
                    return expression.evaluate(context)
                found = found[part]
        except KeyError:
            return expression.evaluate(context)
        return found

    return value


def _block(node: Any, autoescape: bool) -> Op:
    """A block; one without any words may set variables but writes nothing."""
    return _library(node) if node.blank else _sequence(node.nodes, autoescape)


def _if(node: Any, autoescape: bool) -> Op:
    branches = [(node.condition.evaluate, _block(node.consequence, autoescape))]
    for other in node.alternatives:
        branches.append((other.expression.evaluate, _block(other.block, autoescape)))
    default = _block(node.default, autoescape) if node.default else None

    def run(context: RenderContext, page: Page) -> None:
        for holds, op in branches:
            if holds(context):
                op(context, page)
                return
        if default is not None:
            default(context, page)

    return run


def _for(node: Any, autoescape: bool) -> Op:
    expression, name = node.expression, str(node.expression.identifier)
    label = f"{name}-{expression.iterable}"
    body = _block(node.block, autoescape)
    default = _block(node.default, autoescape) if node.default else None

    def run(context: RenderContext, page: Page) -> None:
        items, length = expression.evaluate(context)
        if not length:
            if default is not None:
                default(context, page)
            return
        loop = ForLoop(name=label, it=items, length=length, parentloop=context.parentloop())
        namespace: dict[str, object] = {"forloop": loop, name: None}
        with context.loop(namespace, loop):
            for item in loop:
                namespace[name] = item
                try:
                    body(context, page)
                except ContinueLoop:
                    pass
                except BreakLoop:
                    break
                page.check()

    return run


def _link(node: TrackedNode, autoescape: bool) -> Op:
    """A link's address; one that is a single value is not escaped only to be read back."""
    nodes = node.block.nodes
    value = _filtered(nodes[0].expression) if _is_one_output(nodes) else None  # type: ignore[attr-defined]
    run_inner = _sequence(nodes, autoescape)

    def run(context: RenderContext, page: Page) -> None:
        found = value(context) if value is not None else None
        if type(found) is str:
            url = found
        else:
            inner = Page()
            run_inner(context, inner)
            inner.check()
            written = "".join(inner.pieces)
            url = unescape(written) if autoescape else written
        address = tracked(url, context)
        page.pieces.append(escape(address) if autoescape else address)

    return run


def _is_one_output(nodes: Sequence[Any]) -> bool:
    return len(nodes) == 1 and type(nodes[0]) is OutputNode
