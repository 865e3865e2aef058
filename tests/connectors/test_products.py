"""Product files become items of the catalogue; what cannot be one is told."""

from pathlib import Path

from duyen.connectors.guess import guess_mapping
from duyen.connectors.products import ConvertedItem, Items
from duyen.connectors.report import Report
from duyen.connectors.tables import open_table


def _items(path: Path, currency: str = "VND") -> tuple[list[ConvertedItem], Report]:
    table = open_table(path)
    guessed = guess_mapping(table.columns, table.sample(), kind="products", source=path.stem)
    items = Items(table, guessed.mapping, currency=currency)
    return list(items), items.report


def test_a_vietnamese_product_list(tmp_path: Path) -> None:
    """Names, prices, stock and pictures find their place; other columns are attributes."""
    (tmp_path / "hang.csv").write_text(
        "Mã hàng;Tên hàng;Giá bán;Danh mục;Tồn kho;Hình ảnh;Thương hiệu;Màu\n"
        "CF01;Cà phê Đắk Lắk;120.000;Cà phê;12;https://shop.vn/a.png;Ông Bầu;nâu\n"
        "PHISHIP;Phí giao hàng;30.000;;;;;\n"
        "X1;;1;;;;;\n"
        ";Không mã;1;;;javascript:alert(1);;\n",
        encoding="utf-8",
    )
    results, report = _items(tmp_path / "hang.csv")
    assert results[0].item == {
        "id": "CF01",
        "name": "Cà phê Đắk Lắk",
        "price": "120000.00",
        "currency": "VND",
        "category": "Cà phê",
        "image": "https://shop.vn/a.png",
        "stock": 12,
        "attributes": {"Màu": "nâu", "brand": "Ông Bầu"},
    }
    assert results[1].item is not None
    assert results[1].item["sellable"] is False
    assert [r.rejected.reasons for r in results if r.rejected] == [
        ("the name is empty",),
        ("the id is empty",),
    ]
    assert (report.rows, report.accepted, report.rejected, report.items) == (4, 2, 2, 2)


def test_links_that_are_no_web_addresses_are_left_out(tmp_path: Path) -> None:
    """A script in a link never reaches a page."""
    (tmp_path / "p.csv").write_text(
        "id,name,url,image\n1,A,https://a.vn,//evil.example/x\n2,B,javascript:alert(1),/img/b.png\n"
        "3,C,https://c.vn,/img/c.png\n"
    )
    results, _ = _items(tmp_path / "p.csv")
    told = (
        [(r.item or {}).get("url", "") for r in results],
        [(r.item or {}).get("image", "") for r in results],
    )
    assert told == (["https://a.vn", "", "https://c.vn"], ["", "/img/b.png", "/img/c.png"])


def test_real_products(shared_data: Path) -> None:
    """A shop's real catalogue is read whole."""
    results, report = _items(shared_data / "vn_hasaki_shop" / "products.parquet")
    assert (report.rows, report.accepted, report.items) == (1_200, 1_200, 1_200)
    assert results[0].item is not None
    assert results[0].item["price"] == "209000.00"
