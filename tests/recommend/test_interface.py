"""The columns, the shelf, the reasons, the files, and the door for guests."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.catalogue import Item
from duyen.model.errors import Unavailable
from duyen.recommend import (
    Query,
    Shelf,
    interactions,
    load,
    read_why,
    recommenders,
    registry,
    save,
    why,
)
from duyen.recommend.interface import META, best
from duyen.recommend.popular import Popular
from duyen.testing.recommenders import items, shopping

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
usable = words.filter(lambda one: one and not one.endswith("\0"))


def test_columns_number_what_they_name() -> None:
    data = interactions(
        ["p", None, "q", "p"], ["1", "1", "2", "3"], ["b", "a", "b", "đ"], [5, 6, 7, 8]
    )
    assert data.person.tolist() == [0, -1, 1, 0]
    assert data.basket.tolist() == [0, 0, 1, 2]
    assert [bytes(one).decode() for one in data.item_ids] == ["a", "b", "đ"]
    assert data.item.tolist() == [1, 0, 1, 2]
    assert data.weight.tolist() == [1.0] * 4
    assert data.rows == 4


@given(st.sets(usable, max_size=12), usable)
def test_a_shelf_finds_each_of_its_items_and_no_other(ids: set[str], other: str) -> None:
    shelf = Shelf.of(Item(id=one, name="") for one in ids)
    assert {shelf.id(shelf.number(one)) for one in ids} == ids
    assert (shelf.number(other) >= 0) == (other in ids)


def test_a_shelf_holds_only_what_is_for_sale() -> None:
    shelf = Shelf.of([Item(id="a", name=""), Item(id="b", name="", sellable=False)])
    assert (shelf.number("a"), shelf.number("b"), len(shelf)) == (0, -1, 1)
    assert shelf.align(np.asarray([b"0", b"a", b"b"])).tolist() == [-1, 0, -1]


@given(st.lists(st.integers(0, 5).map(float), max_size=30), st.integers(-1, 40))
def test_best_is_a_stable_sort_cut_off(scores: list[float], limit: int) -> None:
    expected = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    assert best(np.asarray(scores), limit).tolist() == expected[: max(limit, 0)]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), words, max_size=3))
def test_reasons_read_as_they_were_written(params: dict[str, str]) -> None:
    assert read_why(why("some_code", **params)) == ("some_code", params)


def test_a_saved_snapshot_is_loaded_by_its_recommenders_name(tmp_path: Path) -> None:
    snapshot = Popular().fit(shopping(), items())
    save(snapshot, tmp_path / "kept")
    assert load(tmp_path / "kept").recommend(Query()) == snapshot.recommend(Query())


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    save(Popular().fit(shopping(), items()), tmp_path)
    arrays = load(tmp_path).state().arrays
    assert all(isinstance(one.base, np.memmap) for one in arrays.values())


def test_a_model_of_a_missing_recommender_says_so(tmp_path: Path) -> None:
    save(Popular().fit(shopping(), items()), tmp_path)
    told = msgspec.json.decode((tmp_path / META).read_bytes())
    (tmp_path / META).write_bytes(msgspec.json.encode({**told, "recommender": "gone"}))
    with pytest.raises(Unavailable) as caught:
        load(tmp_path)
    assert "“gone”" in caught.value.message


class Guest(Popular):
    """A stranger's recommender."""

    name = "guest"


def test_a_guest_enters_by_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("guest", f"{__name__}:Guest", registry.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Guest)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    assert recommenders() == {"guest": Guest}
