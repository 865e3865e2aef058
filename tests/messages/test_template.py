"""Templates: what they can say, that nothing gets out of its place, and how a mistake is told."""

from __future__ import annotations

import re
from datetime import UTC
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.messages.template import check, compile_message, render
from duyen.messages.view import item_view, preferences
from duyen.model.consent import Statement
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.model.person import Person
from tests.messages.mails import LINKS, SCARF, body, message, view, view_for


def say(inner: str, zone: Any = UTC, language: str = "vi", **traits: Any) -> str:
    """What one text of a mail becomes for somebody."""
    made = message(f"[[{inner}]]", language=language)
    page = render(made, view(made, zone, **traits)).html
    found = re.search(r"\[\[(.*?)\]\]", page, re.DOTALL)
    assert found
    return found[1]


class TestSaying:
    """What a template can say."""

    def test_traits_and_their_absence(self) -> None:
        assert say("{{ person.name }}", name="Ánh Tuyết") == "Ánh Tuyết"
        assert say("{{ person.name }}") == ""
        assert say('{{ person.name | default: "bạn" }}') == "bạn"
        assert say("{{ person.email }}") == "an@example.test"
        assert say("{% if person.vip %}yes{% else %}no{% endif %}", vip=True) == "yes"

    def test_the_trigger_and_the_company(self) -> None:
        assert say("{{ trigger.product_id }} {{ company.name }}") == "shoe-1 Lụa Hà Đông"

    @pytest.mark.parametrize(
        ("language", "value", "currency", "expected"),
        [
            ("vi", "1234567", "VND", "1.234.567 ₫"),
            ("en", "1234567", "VND", "₫1,234,567"),
            ("vi", "1234.5", "USD", "1.234,50 $"),
            ("en", "1234.5", "USD", "$1,234.50"),
            ("en", "-7.005", "EUR", "-€7.00"),
            ("en", "9", "XYZ", "XYZ 9.00"),
            ("vi", "0", "VND", "0 ₫"),
            ("vi", "none", "VND", ""),
            ("en", "1.2345", "KWD", "KD1.234"),
        ],
    )
    def test_money(self, language: str, value: str, currency: str, expected: str) -> None:
        said = say(f'{{{{ person.x | money: "{currency}" }}}}', language=language, x=value)
        assert said == expected.replace("KD", "KWD ")

    def test_money_of_the_company_and_numbers(self) -> None:
        assert say("{{ person.x | money }}", x=50_000) == "50.000 ₫"
        assert say("{{ person.x | number }}", x=1234567.5) == "1.234.567,5"
        assert say("{{ person.missing | money }}{{ person.missing | number }}") == ""

    def test_dates_by_language_and_time_zone(self) -> None:
        saigon = ZoneInfo("Asia/Ho_Chi_Minh")
        when = "2026-11-21T18:05:00Z"
        assert say("{{ person.x | date }}", saigon, x=when) == "22/11/2026"
        assert say("{{ person.x | date }}", language="en", x=when) == "21 Nov 2026"
        assert say('{{ person.x | date: "time" }}', saigon, x=when) == "01:05"
        assert say('{{ person.x | date: "datetime" }}', saigon, x=when) == "22/11/2026, 01:05"
        assert say('{{ person.x | date: "%d.%m." }}', x=when) == "21.11."
        assert say("{{ person.x | date }}", x="tomorrow") == ""
        assert say("{{ person.x | date }}{{ person.y | date }}", x=None) == ""
        assert say('{{ "now" | date }} {{ now | date }}') == "21/11/2026 21/11/2026"

    def test_recommendations_in_a_loop(self) -> None:
        inner = "{% for item in recommendations %}{{ item.name }}: {{ item.price | money: item.currency }};{% endfor %}"
        made = message(inner)
        seen = {**view(made), "recommendations": [item_view(SCARF, "popular")] * 2}
        assert "Khăn lụa: 1.234.567 ₫;Khăn lụa: 1.234.567 ₫;" in render(made, seen).html

    def test_a_loop_around_columns(self) -> None:
        made = Message(
            id="m",
            name="M",
            subject="Hi",
            body="<mjml><mj-body><mj-section>{% for r in recommendations %}<mj-column>"
            '<mj-button href="{{ r.url }}">{{ r.name }}</mj-button></mj-column>'
            "{% endfor %}</mj-section></mj-body></mjml>",
        )
        seen = {**view(made), "recommendations": [item_view(SCARF)] * 3}
        rendered = render(made, seen)
        assert rendered.html.count("Khăn lụa</a>") == 3
        assert rendered.text.count("Khăn lụa: https://mail.shop.test/t/c/") == 3

    def test_preferences(self) -> None:
        said = Person(id="p", consent={"*/marketing/email": Statement("granted", 1, "c")})
        assert preferences(said, "email", "default") == {"marketing": "granted"}
        said.consent["default/marketing/*"] = Statement("denied", 1, "c")
        said.consent["other/news/email"] = Statement("granted", 1, "c")
        assert preferences(said, "email", "default") == {"marketing": "denied"}

    def test_a_company_is_the_one_joined_last(self) -> None:
        made = message(
            "{{ group.name }}: {{ group.plan }}|{% for g in groups %}{{ g.id }} {% endfor %}"
        )
        an = Person(id="p", groups={"zeta": 2, "acme": 5, "bee": 1})
        an.group_traits = {"acme": {"id": "acme", "name": "<b>Ánh", "plan": "pro"}}
        text = render(made, view_for(made, an)).text
        assert "<b>Ánh: pro|bee zeta acme" in text
        assert "&lt;b&gt;Ánh: pro" in render(made, view_for(made, an)).html
        an.groups = {"zeta": 2}
        assert "zeta: |zeta" in render(made, view_for(made, an)).text
        an.groups = {}
        assert check(made) == []
        assert ": |" in render(made, view_for(made, an)).text


class TestPage:
    """The whole page and its parts."""

    def test_marketing_always_has_a_way_out(self) -> None:
        plain, own = message("Hi"), message('<a href="{{ unsubscribe_url }}">stop</a>')
        page = render(plain, view(plain))
        assert "Ngừng nhận thư này" in page.html
        assert "12 Hàng Gai, Hà Nội" in page.html
        assert page.text.count("/t/u/") == 1
        english = message("Hi", language="en")
        assert "Unsubscribe" in render(english, view(english)).html
        assert "Ngừng nhận thư này" not in render(own, view(own)).html
        texted = message("Hi", text="Chào")
        assert "/t/u/" in render(texted, view(texted)).text
        service = message("Hi", purpose="service")
        assert "/t/u/" not in render(service, view(service)).html

    def test_links_are_tracked_in_both_parts_and_others_left_alone(self) -> None:
        made = message(
            '<a href="https://shop.test/?a=1&amp;b={{ person.name }}">shop</a> '
            "<a href='mailto:hi@shop.test'>write</a> <a href='tel:+84'>call</a> "
            '<img src="https://shop.test/a.png" alt="a">',
            purpose="service",
        )
        page = render(made, view(made, name="A&B"))
        tokens = re.findall(r"https://mail\.shop\.test/t/c/([\w-]+)", page.html)
        payload = LINKS.verify(tokens[0])
        assert len(tokens) == 1
        assert payload is not None
        assert (payload.kind, payload.url) == ("c", "https://shop.test/?a=1&b=A&B")
        assert 'href="mailto:hi@shop.test"' in page.html
        assert 'href="tel:+84"' in page.html
        assert 'src="https://shop.test/a.png"' in page.html
        assert f"shop: https://mail.shop.test/t/c/{tokens[0]}" in page.text

    def test_lines_leave_room_for_marks_unless_the_author_says_otherwise(self) -> None:
        made = message("Hi")
        assert "line-height:1.5;" in render(made, view(made)).html
        own = message(body=made.body.replace("<mjml>", "<mjml lang='en'><mj-head></mj-head>"))
        page = render(own, view(own)).html
        assert "line-height:1.5;" not in page
        assert '<html lang="en"' in page
        assert '<html lang="vi"' in render(made, view(made)).html

    def test_the_open_pixel_stands_at_the_end(self) -> None:
        made = message("Hi")
        page = render(made, view(made)).html
        token = re.search(r"/t/o/([\w-]+)\.gif", page)
        assert token
        payload = LINKS.verify(token[1])
        assert payload is not None
        assert (payload.kind, payload.key) == ("o", "0f" * 16)
        assert page.index("/t/o/") > page.index("Hi")
        assert page.rstrip().endswith("</body></html>")

    def test_the_preheader_is_hidden_and_first(self) -> None:
        made = message("Hi", preheader="Chào {{ person.name }} <3")
        page = render(made, view(made, name="<b>")).html
        assert "Chào &lt;b&gt; &lt;3</div>" in page
        assert page.index("Chào") < page.index("Hi")

    def test_a_body_may_be_a_whole_html_page(self) -> None:
        made = message(
            body="<!doctype html><html><body><p>{{ person.name }}</p>"
            "<a href=https://shop.test/x>x</a></body></html>",
        )
        page = render(made, view(made, name="<i>"))
        assert "<p>&lt;i&gt;</p>" in page.html
        assert page.text.startswith("<i>\n\nx: https://mail.shop.test/t/c/")

    def test_the_text_part_as_written(self) -> None:
        made = message("Hi", text="Chào {{ person.name }} {{ unsubscribe_url }}")
        assert render(made, view(made, name="<An>")).text.startswith("Chào <An> https://")

    def test_the_subject_is_one_line_of_text(self) -> None:
        made = message(subject="Chào {{ person.name }}")
        assert (
            render(made, view(made, name="An\r\nBcc: x\u2028y\x00")).subject == "Chào An Bcc: x y"
        )
        long = render(made, view(made, name="ễ" * 5_000)).subject
        assert len(long) == 250

    def test_a_message_is_compiled_once(self) -> None:
        assert compile_message(message("once")) is compile_message(message("once"))


class _Tags(HTMLParser):
    """Counts what a mail reader would see as elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """A page's elements and the names of their attributes."""
    reader = _Tags()
    reader.feed(page)
    return reader.seen


EVERYWHERE = message(
    '<p title="{{ person.x }}">{{ person.x }}</p>'
    '<a href="{{ person.x }}">a</a><a href="https://shop.test/{{ person.x }}">b</a>'
    "{{ person.x | upcase }}{{ person.x | append: person.x }}{{ person.x | truncate: 20 }}"
    "{{ person.x | split: ' ' | join: '<br>' | strip_html }}{{ person.x | newline_to_br }}"
    "{{ person.x | escape_once }}{{ person.x | url_decode }}{{ person.x | replace: 'a', 'b' }}"
    "{% assign y = person.x %}{{ y }}{% capture z %}{{ person.x }}{% endcapture %}{{ z }}",
    preheader="{{ person.x }}",
    subject="{{ person.x }}",
)


class TestHostile:
    """What people put into traits stays words."""

    @pytest.mark.parametrize(
        "trait",
        [
            "<script>alert(1)</script>",
            '" onmouseover="alert(1)',
            "' onmouseover='alert(1)",
            "javascript:alert(1)",
            "--><script>",
            "{{ company.name }}{% for i in (1..9) %}x{% endfor %}",
            "LIQ0QIL",
            "<!--LIQ0QIL-->",
            "%3Cscript%3E",
            "&lt;script&gt;",
            "&#60;script&#62;",
        ],
    )
    def test_markup_in_a_trait_is_escaped(self, trait: str) -> None:
        calm = render(EVERYWHERE, view(EVERYWHERE, x="calm"))
        page = render(EVERYWHERE, view(EVERYWHERE, x=trait))
        assert "<script" not in page.html.lower()
        assert shape(page.html) == shape(calm.html)
        assert "xxxxxxxxx" not in page.html

    @given(st.text(st.sampled_from("<>\"'&;={}%-/!a b\n\x00:#é"), max_size=40))
    def test_no_text_changes_the_page(self, trait: str) -> None:
        calm = render(EVERYWHERE, view(EVERYWHERE, x="calm"))
        page = render(EVERYWHERE, view(EVERYWHERE, x=trait))
        breaks = ("br", ())
        assert [s for s in shape(page.html) if s != breaks] == [
            s for s in shape(calm.html) if s != breaks
        ]
        assert "\n" not in page.subject

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.test",
            "file:///etc/passwd",
        ],
    )
    def test_a_link_leads_to_the_web_or_nowhere(self, url: str) -> None:
        made = message('<a href="{{ person.x }}">a</a>', purpose="service")
        assert '<a href="#">a</a>' in render(made, view(made, x=url)).html

    def test_a_web_link_in_a_trait_is_tracked(self) -> None:
        made = message('<a href="{{ person.x }}">a</a>', purpose="service")
        page = render(made, view(made, x="HTTPS://shop.test/?a='b'")).html
        assert "https://mail.shop.test/t/c/" in page

    @pytest.mark.parametrize(
        "inner",
        [
            "{% for i in (1..100000000) %}x{% endfor %}",
            "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
            '{% assign s = "xxxxxxxxxx" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}',
            "{{ (1..1000000000000) | join: 'x' }}",
            "{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
            "{% capture s %}{% for i in (1..9999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endcapture %}",
            "{{ 1 | divided_by: 0 }}",
            "{% if true %}" * 60 + "{% endif %}" * 60,
        ],
    )
    def test_a_template_without_end_is_refused(self, inner: str) -> None:
        [mistake] = check(message(inner))
        assert mistake.field == "body"
        with pytest.raises(InvalidRule):
            render(message(inner), view(message(inner)))

    @pytest.mark.parametrize(
        "inner",
        [
            "{% include 'x' %}",
            "{% render 'x' %}",
            "{{ person.name | safe }}",
            "{{ person.name | base64_decode }}",
        ],
    )
    def test_there_is_no_way_around_escaping_or_to_other_files(self, inner: str) -> None:
        assert len(check(message(inner))) == 1

    def test_objects_do_not_show_their_insides(self) -> None:
        for path in ("person.__class__", "company.name.__class__", "now.__class__", "now.year"):
            assert say("{{ " + path + " }}") == ""
        assert say("{{ person.keys }}{{ person.items }}") == ""


class TestMistakes:
    """One clear sentence, with the line."""

    @pytest.mark.parametrize(
        ("fields", "field", "line", "words"),
        [
            ({"body": body("{{ persn.name }}")}, "body", 4, "did you mean “person”"),
            ({"body": body("\n\n{{ name }}")}, "body", 6, "write person.name for a trait"),
            ({"body": body("\n{% if x")}, "body", 5, "Liquid cannot read"),
            ({"body": body("{% endfor %}")}, "body", 4, "endfor"),
            ({"body": body("{{ person.x | shout }}")}, "body", 4, "shout"),
            ({"subject": "{{ person.x "}, "subject", 1, "Liquid cannot read"),
            ({"subject": "  "}, "subject", 1, "Write a subject"),
            ({"body": ""}, "body", 1, "Write a body"),
            ({"body": "Hello"}, "body", 1, "begins with <mjml>"),
            ({"text": "\n{{ x }}"}, "text", 2, "“x” is not known"),
            ({"preheader": "{{ y }}"}, "preheader", 1, "“y” is not known"),
            ({"body": "<mjml>\n<mj-body>\n<mj-text>a</mj-text>"}, "body", 3, "may not stand in"),
            ({"body": "<mjml>\n<mj-body>\n<mj-sektion>"}, "body", 3, "MJML has no such element"),
            ({"body": "<mjml>\n<mj-body>\n<p>a</p>"}, "body", 3, "put HTML into <mj-text>"),
            ({"body": "<mjml>\n<mj-body>\n\nwords"}, "body", 4, "put it into <mj-text>"),
            ({"body": "<mjml>\n<mj-body>\n</mjml>"}, "body", 3, "<mj-body> is open"),
            ({"body": "<mjml>\n<mj-body>"}, "body", 2, "never closed"),
            ({"body": body("a").replace("</mj-text>", "")}, "body", 4, "<mj-text> is never closed"),
            (
                {"body": "<mjml>\n<mj-body>\n<mj-include path='/etc/passwd'/></mj-body></mjml>"},
                "body",
                3,
                "mj-include is not available",
            ),
            (
                {"body": "<mjml><mj-body>\n<mj-section {% if 1 %}a='b'{% endif %}></mj-section>"},
                "body",
                2,
                "inside the quotes",
            ),
            ({"body": "{% if 1 %}<mjml></mjml>{% endif %}"}, "body", 1, "outside <mjml>"),
            ({"body": body("a\n<a class='x' href=y>z</a>")}, "body", 5, "needs quotes"),
            ({"body": "<mjml>" + "x" * 200_001}, "body", 1, "longer than"),
        ],
    )
    def test_a_mistake_has_a_line_and_a_sentence(
        self, fields: dict[str, str], field: str, line: int, words: str
    ) -> None:
        [mistake] = check(message(**fields))
        assert (mistake.field, mistake.line) == (field, line)
        assert words in mistake.message
        assert "\n" not in mistake.sentence
        with pytest.raises(InvalidRule):
            render(message(**fields), view(message()))

    def test_a_good_message_has_none(self) -> None:
        assert check(message("{{ person.name | default: 'bạn' }}")) == []
        assert check(EVERYWHERE) == []

    @given(st.text(st.sampled_from("<>{}%/mj-text|ab \n\"'"), max_size=60))
    def test_whatever_is_written_check_answers(self, text: str) -> None:
        for made in (message(text), message(body=text), message(body=f"<mjml>{text}</mjml>")):
            for mistake in check(made):
                assert mistake.line >= 1
