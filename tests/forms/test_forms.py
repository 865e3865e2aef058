"""What a form asks, and what an answer means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen import forms
from duyen.forms.answers import LONGEST
from duyen.model.errors import InvalidRule
from duyen.model.form import Field, FieldType, Form, Option

TEAS = (Option("sen", {"vi": "Trà sen"}), "lài")


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("text", "  Nguyễn Thị Ánh Tuyết ", "Nguyễn Thị Ánh Tuyết"),
        ("text", "a\u0301", "á"),
        ("text", "two\r\nlines\x00", "two lines"),
        ("text", "=1+1", "=1+1"),
        ("email", " AN@Example.test ", "an@example.test"),
        ("phone", "0901 234 567", "+84901234567"),
        ("number", "12", 12),
        ("number", "-1.5", -1.5),
        ("date", "2024-02-29", "2024-02-29"),
        ("choice", "lài", "lài"),
        ("choice", "sen", "sen"),
        ("checkbox", "1", True),
    ],
)
def test_a_good_answer_is_the_traits_value(kind: FieldType, written: str, value: Any) -> None:
    field = Field("it", type=kind, options=TEAS if kind == "choice" else ())
    assert forms.read([field], {"it": [written]}) == ({"it": value}, {})


@pytest.mark.parametrize(
    ("kind", "written", "fault"),
    [
        ("text", " ", "required"),
        ("text", "\x00", "required"),
        ("text", "x" * (LONGEST + 1), "long"),
        ("email", "an@", "email"),
        ("email", "an@example.test, binh@example.test", "email"),
        ("phone", "12", "phone"),
        ("number", "twelve", "number"),
        ("number", "1e999", "number"),
        ("number", "nan", "number"),
        ("number", "٣", "number"),
        ("date", "2023-02-29", "date"),
        ("date", "0001-01-01", "date"),
        ("date", "27/05/1990", "date"),
        ("choice", "Trà sen", "choice"),
        ("checkbox", "", "tick"),
    ],
)
def test_a_bad_answer_says_what_is_wrong(kind: FieldType, written: str, fault: str) -> None:
    field = Field("it", type=kind, required=True, options=TEAS if kind == "choice" else ())
    assert forms.read([field], {"it": [written]}) == ({}, {"it": fault})


def test_what_may_stay_open_is_not_told_and_what_nobody_asked_is_not_heard() -> None:
    fields = [
        Field("name"),
        Field("tea", type="choice", options=TEAS),
        Field("yes", type="checkbox"),
    ]
    told = forms.read(fields, {"vip": ["1"], "name": [""]})
    assert told == ({"yes": False}, {}), "only a box says something by being left alone"


@given(st.sampled_from(["text", "email", "phone", "number", "date", "choice"]), st.text())
def test_any_text_is_an_answer_or_a_fault(kind: FieldType, written: str) -> None:
    field = Field("it", type=kind, required=True, options=TEAS if kind == "choice" else ())
    told = forms.read([field], {"it": [written]})
    assert len(told.traits) + len(told.faults) == 1


FORM = Form("f", "F", tuple(Field(name) for name in "abcde"), ask=2)


@pytest.mark.parametrize(
    ("known", "asked"),
    [("", "ab"), ("a", "bc"), ("ab", "cd"), ("abcd", "e"), ("abcde", "ab"), ("xyz", "ab")],
)
def test_the_next_visit_asks_what_the_last_did_not(known: str, asked: str) -> None:
    assert "".join(field.trait for field in forms.asked(FORM, set(known))) == asked


def test_without_a_limit_all_is_asked_each_time() -> None:
    all_at_once = Form("f", "F", FORM.fields)
    assert forms.asked(all_at_once, {"a", "b"}) == FORM.fields


@pytest.mark.parametrize(
    "form",
    [
        Form("f", "F", ()),
        Form("f", "F", (Field("email"),) * 2),
        Form("f", "F", (Field("tea", options=("sen",)),)),
        Form("f", "F", (Field("tea", type="choice", options=("sen", Option("sen"))),)),
        Form("f", "F", (Field("tea", type="choice", options=(" sen",)),)),
        Form("f", "F", (Field("tea"),), ask=-1),
        Form("f", "F", (Field("tea"),), title={"xx": "y"}),
        Form("f", "F", (Field("tea"),), redirect="//elsewhere.test"),
        Form("f", "F", (Field("tea"),), redirect="https://a@b.test"),
    ],
)
def test_a_form_that_cannot_be_asked_is_refused(form: Form) -> None:
    with pytest.raises(InvalidRule, match=r"."):
        forms.check(form)
