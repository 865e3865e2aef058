"""Items are found by the beginnings of their words, with and without marks."""

from hypothesis import given
from hypothesis import strategies as st

from duyen.catalog import Index
from duyen.model.catalogue import Item

SHELF = [
    Item(id="1", name="Cà phê sữa đá", category="Đồ uống"),
    Item(id="2", name="Cà phê đen"),
    Item(id="3", name="Sữa chua", tags=("Đà Lạt",)),
    Item(id="POST", name="Postage", sellable=False),
    Item(id="22720", name="SET OF 3 CAKE TINS PANTRY DESIGN"),
    Item(id="9", name="Bình giữ nhiệt “Nguyễn” 🧋"),
]
INDEX = Index(SHELF)


def found(question: str, **more: bool) -> list[str]:
    return [item.id for item in INDEX.find(question, **more)]


def test_marks_and_case_do_not_matter() -> None:
    assert found("ca phe") == found("CÀ PHÊ") == found("cà phê") == ["2", "1"]
    assert found("do uong") == ["1"]
    assert found("dà lat") == ["3"]


def test_every_word_must_begin_some_word() -> None:
    assert found("ca phe su") == ["1"]
    assert found("phe den sua") == []
    assert found("hua") == []


def test_the_beginning_of_the_name_comes_first() -> None:
    assert found("sua") == ["3", "1"]


def test_an_id_is_found_at_once() -> None:
    assert found("22720") == ["22720"]
    assert found("post") == ["POST"]
    assert found("post", sellable=True) == []


def test_an_empty_question_finds_all_by_name() -> None:
    assert len(INDEX) == 6
    assert len(found("")) == 6
    assert INDEX.find("", limit=0) == []


def test_punctuation_and_emoji_break_nothing() -> None:
    assert found("“nguyen”") == ["9"]
    assert found("🧋") == found("%%%") == []
    assert found("tins-pantry, cake!") == ["22720"]


@given(st.sampled_from(SHELF), st.data())
def test_any_beginning_of_each_word_finds_the_item(item: Item, data: st.DataObject) -> None:
    words = item.name.replace("“", "").replace("”", "").replace("🧋", "").split()
    cut = [word[: data.draw(st.integers(1, len(word)))] for word in words]
    assert item.id in found(" ".join(cut))
