"""Reasons at the terminal: in the words of the console, in the language of whoever sits there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duyen.cli import words
from duyen.decide import reasons

CONSOLE = Path(__file__).parents[2] / "web" / "console" / "src" / "words"
ITEMS = {"tea": "Trà sen", "cup": "Chén sứ"}


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_console_says_the_same(language: str) -> None:
    console = json.loads((CONSOLE / f"{language}.json").read_text(encoding="utf-8"))
    told = {
        code: said for code, said in console.items() if code.startswith(("reason.", "explain."))
    }
    assert words.words(language) == told


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_reason_of_a_decision_has_words(language: str) -> None:
    told = words.words(language)
    first = (
        reasons.CHOSEN,
        reasons.HOLD_OUT,
        reasons.NO_CANDIDATES,
        reasons.CONSENT,
        reasons.CONTENT,
    )
    for code in (*first, *reasons.EXCLUSIONS):
        assert told[f"reason.{code}"]
    for code in reasons.EXPLANATIONS:
        assert told[f"explain.{code}"]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "vi_VN"}, "vi"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({}, "en"),
    ],
)
def test_the_terminal_says_which_language(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words.language() == language


@pytest.mark.parametrize(
    ("text", "english", "vietnamese"),
    [
        (
            reasons.explain(reasons.RATE, successes=1290, views=31300),
            "Until then 1,290 clicks on 31,300 views.",
            "Đến lúc đó có 1.290 lượt nhấp trên 31.300 lượt thấy.",
        ),
        (
            reasons.explain(reasons.HELD_OUT_SHARE, share=0.125),
            "12.5% of customers are held out and get the fallback.",
            "12,5% khách hàng thuộc nhóm đối chứng và nhận nội dung dự phòng.",
        ),
        (
            reasons.explain(reasons.PROPENSITY, p=0.0042),
            "It was drawn with propensity 0.42%.",
            "Được rút với xác suất chọn 0,42%.",
        ),
        (
            reasons.explain(reasons.BECAUSE, item="cup", why="bought_together|with=tea"),
            "Chén sứ: often bought together with Trà sen.",
            "Chén sứ: thường được mua cùng Trà sen.",
        ),
        (
            reasons.explain(reasons.NONE_LEFT, considered=3, cap=2, rule=1),
            "None of 3 candidates was left: shown often enough (2); its rule does not hold (1).",
            "Không còn ai trong 3 ứng viên: đã hiện đủ số lần (2); không thỏa điều kiện (1).",
        ),
        (reasons.explain(reasons.NONE_LEFT, considered=0), "There was no candidate.", "Không có ứng viên nào."),
        ("a.guests.own|x=1", "a.guests.own|x=1", "a.guests.own|x=1"),
    ],
)  # fmt: skip
def test_an_explanation_in_words(
    monkeypatch: pytest.MonkeyPatch, text: str, english: str, vietnamese: str
) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert words.sentence(text, ITEMS) == english
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    assert words.sentence(text, ITEMS) == vietnamese


def test_a_code_without_words_is_shown_as_it_is() -> None:
    assert words.reason("a_guests_own") == "a_guests_own"
