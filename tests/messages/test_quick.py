"""The quick way of rendering says exactly what the library says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError

from duyen.messages import liquid
from duyen.messages.quick import quicken
from tests.messages.mails import message, view

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from("a<&\"' ễ\n"), max_size=5)
    | st.sampled_from(
        ("https://shop.test/?a=<b>&c", "javascript:x", "mailto:a@b.test", "2026-01-02")
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("a", "b", "size", "first", "x y")), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.sampled_from(
    (
        "person.a",
        "person.b",
        "person.a.b",
        "person.a.size",
        "person.b.first",
        "person.b.last",
        "person.a[0]",
        'person["x y"]',
        "person[person.b]",
        "person",
        "missing",
        "missing.a",
        "i",
        "i.a",
        "forloop.index",
        "forloop.parentloop.index",
        "company.name",
        "y",
    )
)
FILTERS = st.sampled_from(
    ("", " | upcase", " | default: 'd'", " | money", " | date", " | size", " | append: person.a")
)
OUTPUTS = st.builds("{{{{ {}{} }}}}".format, PATHS, FILTERS)
WORDS = st.sampled_from(("", " ", "\n", "word ", "<b>", "&amp;", "%", "{ }"))
LEAVES = WORDS | OUTPUTS | st.sampled_from(("{% break %}", "{% continue %}"))


def nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Blocks around pieces of a template."""
    several = st.lists(inner, max_size=4).map("".join)
    return st.one_of(
        several,
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, PATHS, several, several),
        st.builds(
            "{{% if {} == 1 %}}{}{{% elsif {} %}}{}{{% endif %}}".format,
            PATHS,
            several,
            PATHS,
            several,
        ),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, PATHS, several),
        st.builds(
            "{{% for i in {} %}}{}{{% else %}}{}{{% endfor %}}".format, PATHS, several, several
        ),
        st.builds("{{% for i in (1..3) limit:2 reversed %}}{}{{% endfor %}}".format, several),
        st.builds("{{% tracked %}}{}{{% endtracked %}}".format, several),
        st.builds("{{% assign y = {} %}}{}".format, PATHS, several),
        st.builds("{{% capture y %}}{}{{% endcapture %}}{}".format, several, several),
        st.builds("{{% case {} %}}{{% when 1 %}}{}{{% endcase %}}".format, PATHS, several),
    )


TEMPLATES = st.recursive(LEAVES, nest, max_leaves=12)


@given(TEMPLATES, st.dictionaries(st.sampled_from(("a", "b", "x y")), VALUES), st.booleans())
def test_both_ways_say_the_same(source: str, traits: dict[str, Any], escaped: bool) -> None:
    environment = liquid.HTML if escaped else liquid.TEXT
    seen = {**view(message()), "person": traits}
    try:
        template = environment.from_string(source)
    except LiquidError:
        return
    assert outcome(lambda: quicken(template)(liquid.context_of(template, seen))) == outcome(
        lambda: liquid.render(template, seen)
    )


def outcome(render: Any) -> str:
    """What is said, or the kind of error."""
    try:
        return str(render())
    except (LiquidError, ArithmeticError, TypeError, ValueError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..9999) %}" + "x" * 200 + "{% endfor %}",
        "{% for i in (1..10001) %}{% endfor %}x",
        "{% for i in (1..100) %}{% for j in (1..101) %}x{% endfor %}{% endfor %}",
        "{% tracked %}{% for i in (1..9999) %}" + "x" * 200 + "{% endfor %}{% endtracked %}",
    ],
)
def test_the_quick_way_has_the_same_limits(source: str) -> None:
    template = liquid.HTML.from_string(source)
    seen = view(message())
    with pytest.raises(LiquidError):
        quicken(template)(liquid.context_of(template, seen))
    with pytest.raises(LiquidError):
        liquid.render(template, seen)
