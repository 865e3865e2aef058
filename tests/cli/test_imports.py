"""`duyen import` on the files that companies have: what is open is asked, and the last line tells everything."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duyen import cli
from duyen.model.errors import InvalidInput

runner = CliRunner()
VIETNAMESE = (
    "Báo cáo bán hàng,,,,,,\n"
    "Mã đơn hàng,Ngày,Mã sản phẩm,Tên sản phẩm,Số lượng,Đơn giá,Khách hàng\n"
    "DH001,21/11/2025,SP1,Trà Shan tuyết,2,150.000 ₫,KH01\n"
    "DH001,21/11/2025,SP2,Cà phê,1,45.500 ₫,KH01\n"
    "DH002,22/11/2025,SP1,Trà Shan tuyết,x,150.000 ₫,KH02\n"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data folder, named by the environment."""
    monkeypatch.delenv("DUYEN_CLOCK", raising=False)
    monkeypatch.setenv("DUYEN_DATA", str(tmp_path / "shop"))
    assert runner.invoke(cli.app, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path


def _told(*words: str, answers: str = "") -> dict[str, Any]:
    done = runner.invoke(cli.app, ["import", *words, "--json"], input=answers)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_packed_vietnamese_export_comes_in_exactly_and_once(shop: Path) -> None:
    """Title, tones, dots between thousands, gzip: the sum is the books', the bad row has its reason."""
    file = shop / "don.csv.gz"
    file.write_bytes(gzip.compress(VIETNAMESE.encode()))
    first = _told("orders", str(file))
    assert (first["rows"], first["accepted"], first["rejected"]) == (3, 2, 1)
    assert (first["total"], first["orders"], first["customers"]) == ("345500.00", 1, 1)
    rejects = Path(first["rejects"]).read_text(encoding="utf-8-sig").splitlines()
    assert rejects[1].startswith("3,5,the quantity “x” cannot be read")
    again = _told("orders", str(file))
    assert (again["resumed_at"], again["total"]) == (3, "345500.00")
    asked = runner.invoke(
        cli.app,
        ["sql", "--fresh", "--json", "select count(*) n from events where name like 'Order%'"],
    )
    assert asked.exit_code == 0, repr(asked.exception)
    assert json.loads(asked.stdout.strip().splitlines()[-1])["rows"] == [{"n": 1}]


def test_an_open_question_is_not_answered_for_anybody(shop: Path) -> None:
    """Without a terminal nothing is guessed that is open; --dates, --column and --yes are the answers."""
    file = shop / "orders.csv"
    file.write_text("order,date,sku,qty,price,customer\n1,03/04/2025,A,2,1.50,c1\n")
    with pytest.raises(InvalidInput, match="--yes") as caught:
        _told("orders", str(file))
    assert caught.value.code == "import.unsure"
    assert _told("orders", str(file), "--dates", "mdy")["last"].startswith("2025-03-0")
    assert _told("orders", str(file), "--yes", "--source", "b")["last"].startswith("2025-04-0")


def test_what_no_column_fits_is_named_by_hand(shop: Path) -> None:
    """Even --yes imports nothing without a price; the sentence says how to name it."""
    file = shop / "orders.csv"
    file.write_text("order,date,sku,qty,worth,customer\n1,2025-04-03,A,2,1.50,c1\n")
    with pytest.raises(InvalidInput, match="--column price=NAME"):
        _told("orders", str(file), "--yes")
    assert _told("orders", str(file), "--column", "price=worth")["total"] == "3.00"
    for wrong, reason in (
        ("cost=worth", "FIELD=COLUMN"),
        ("price", "FIELD=COLUMN"),
        ("price=x", "no column “x”"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            _told("orders", str(file), "--column", wrong)
    with pytest.raises(InvalidInput, match="ymd, dmy or mdy"):
        _told("orders", str(file), "--dates", "dym")


def test_a_kept_mapping_ends_with_its_json_and_is_used_again(shop: Path) -> None:
    """--save-mapping imports nothing and says where the mapping is."""
    file, kept = shop / "goods.csv", shop / "goods.yaml"
    file.write_text("sku,description,price,origin,genres\nA,Trà,5,Hà Giang,tea|green\n")
    done = runner.invoke(cli.app, ["import", "products", str(file), "--save-mapping", str(kept)])
    assert "Kept as attributes: origin\n" in done.stderr
    assert _told("products", str(file), "--save-mapping", str(kept)) == {"mapping": str(kept)}
    told = _told("products", str(file), "--mapping", str(kept))
    assert (told["accepted"], told["items"]) == (1, 1)


@pytest.mark.parametrize("content", ["", "\n\n", "order,date,price\n"])
def test_a_file_without_rows_is_refused(shop: Path, content: str) -> None:
    """Nothing to import is an error, not a success of nothing."""
    (shop / "a.csv").write_text(content)
    with pytest.raises(InvalidInput):
        _told("orders", str(shop / "a.csv"), "--yes")


def test_an_error_is_the_last_line_too(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Whoever reads the last line as JSON reads it also when something goes wrong."""
    monkeypatch.setattr("sys.argv", ["duyen", "import", "orders", str(shop / "no.csv"), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert json.loads(said.out.strip().splitlines()[-1])["error"]["code"] == "import.no_file"
    assert said.err.strip() == f"There is no file {shop / 'no.csv'}; check the path."
