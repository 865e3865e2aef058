"""How long it takes to find people by words, among 200 thousand and a million of them.

    python -m bench.search [PEOPLE ...]

The people are Vietnamese names, cities, e-mails and phones in the directory of the state on SQLite, as the engine
writes them. Queries are typed with and without diacritics, in whole words and in beginnings, down to one letter that
nearly everybody has. Target: under 50 ms over a million. Baseline of the same run: LIKE over the folded text.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure, percentile
from duyen.model.values import fold
from duyen.stores.interface import open_stores
from duyen.stores.rows import Row
from duyen.stores.state import State

PEOPLE = (200_000, 1_000_000)
PAGE = 51
AT_ONCE = 5_000
ROUNDS = 20
NOW = 1_750_000_000_000
FAMILIES = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
]
MIDDLES = [
    "Thị",
    "Văn",
    "Đức",
    "Ngọc",
    "Minh",
    "Hữu",
    "Thanh",
    "Quang",
    "Hoài",
    "Kim",
    "Bảo",
    "Xuân",
]
GIVEN = [
    "An",
    "Anh",
    "Bình",
    "Châu",
    "Dũng",
    "Đạt",
    "Giang",
    "Hà",
    "Hải",
    "Hạnh",
    "Hiếu",
    "Hoa",
    "Hùng",
    "Hương",
    "Khánh",
    "Lan",
    "Linh",
    "Long",
    "Mai",
    "Nam",
]
CITIES = ("Hà Nội", "Huế", "Đà Nẵng", "Cần Thơ", "Hải Phòng", "TP. Hồ Chí Minh")
QUERIES = (
    "nguyễn",
    "nguyen",
    "Nguyễn Thị",
    "nguyen thi lan",
    "Đặng Hoài",
    "dang hoai",
    "n",
    "h",
    "a",
    "hà nội",
    "ha noi mai",
    "example.test",
    "user77@example.test",
    "user1",
    "0901234",
    "khong co ai",
    "nguyen khongcoai",
)


def lines(people: int) -> Iterator[tuple[Row, str]]:
    """The directory's lines of so many people, the same in every run."""
    chance = random.Random(5)
    for n in range(people):
        name = " ".join(chance.choice(part) for part in (FAMILIES, MIDDLES, GIVEN))
        email, phone = f"user{n}@example.test", f"+849{chance.randrange(10**8):08}"
        folded = fold(f"{name} u{n} {email} {phone} {chance.choice(CITIES)}")
        last = NOW - chance.randrange(10**10)
        yield Row(f"p_{chance.randrange(16**16):016x}", name, email, 3, last, last), folded


def fill(state: State, people: int) -> None:
    """Write the people in batches, as the engine does."""
    batch: list[tuple[Row, str]] = []
    for line in lines(people):
        batch.append(line)
        if len(batch) == AT_ONCE:
            with state.writing():
                state.put_people(batch)
            batch.clear()
    if batch:
        with state.writing():
            state.put_people(batch)


def times(find: Callable[[list[str]], object], rounds: int) -> list[float]:
    """Milliseconds of every query of every round, in an order of chance."""
    asked = list(QUERIES) * rounds
    random.Random(1).shuffle(asked)
    taken = []
    for query in asked:
        words = fold(query).replace('"', " ").split()
        began = time.perf_counter()
        find(words)
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


def measured(people: int) -> list[Figure]:
    """p50 and p95 among so many."""
    with tempfile.TemporaryDirectory() as folder:
        state = open_stores("sqlite:", Path(folder)).state(writing=True)
        fill(state, people)
        for query in QUERIES:
            words = fold(query).split()
            best = min(_once(state, words) for _ in range(3))
            print(f"{people:>9,}  {best:8.2f} ms  {query}", file=sys.stderr)
        own = times(lambda words: state.find_people(words, 0, PAGE), ROUNDS)
        plain = times(lambda words: _like(state, words), 1)
        state.close()
    return [
        Figure(
            f"search {people:,} people, p{share * 100:.0f}",
            percentile(own, share),
            "ms",
            percentile(plain, share),
            "LIKE over the folded text",
            "50 ms" if people >= 1_000_000 and share == 0.95 else "",
        )
        for share in (0.5, 0.95)
    ]


def _once(state: State, words: list[str]) -> float:
    began = time.perf_counter()
    state.find_people(words, 0, PAGE)
    return (time.perf_counter() - began) * 1_000


def _like(state: State, words: list[str]) -> object:
    """The newest who have all the words somewhere."""
    tests = " AND ".join("folded LIKE ?" for _ in words)
    return state._db.execute(
        f"SELECT person, name FROM people WHERE {tests} ORDER BY last DESC LIMIT ?",
        (*(f"%{word}%" for word in words), PAGE),
    ).fetchall()


def run() -> list[Figure]:
    """Every figure."""
    asked = [int(each) for each in sys.argv[1:] if each.isdigit()] or list(PEOPLE)
    return [figure for people in asked for figure in measured(people)]


if __name__ == "__main__":
    for one in run():
        print(
            f"{one.name}: {one.value:.2f} {one.unit} (against {one.baseline or 0:.2f}, {one.against})"
        )
