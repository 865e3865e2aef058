"""Mappings: guessed from names and values, kept as YAML, refused with a reason."""

from pathlib import Path

import pytest

from duyen.connectors.guess import Guessed, guess_mapping
from duyen.connectors.mapping import check, from_yaml, slug, to_yaml
from duyen.connectors.shipped import shipped
from duyen.connectors.tables import open_table
from duyen.model.errors import InvalidRule


def _guess(tmp_path: Path, text: str) -> Guessed:
    path = tmp_path / "orders.csv"
    path.write_text(text, encoding="utf-8")
    table = open_table(path)
    return guess_mapping(table.columns, table.sample(), source=path.stem)


def test_a_vietnamese_export(tmp_path: Path) -> None:
    """Vietnamese names, day first, a comma for decimals."""
    guessed = _guess(
        tmp_path,
        "Mã đơn hàng;Ngày đặt;Mã SP;Tên sản phẩm;SL;Đơn giá;Mã KH;Thư;Số điện thoại\n"
        "D1;21/11/2026 14:05;CF01;Cà phê;2;120.000 ₫;K1;an@example.vn;0901234567\n"
        "D2;22/11/2026 09:00;TR02;Trà;1;85.500 ₫;K2;binh@example.vn;0907654321\n",
    )
    assert guessed.mapping.columns == {
        "order_id": "Mã đơn hàng",
        "product_id": "Mã SP",
        "name": "Tên sản phẩm",
        "quantity": "SL",
        "price": "Đơn giá",
        "time": "Ngày đặt",
        "customer_id": "Mã KH",
        "email": "Thư",
        "phone": "Số điện thoại",
    }
    assert (guessed.mapping.dates, guessed.mapping.decimal) == ("dmy", ",")
    assert guessed.questions == ()
    by_values = next(guess for guess in guessed.guesses if guess.field == "email")
    assert by_values.why == "by its values: 100% fit"
    assert by_values.example == "an@example.vn"


def test_a_shop_export(tmp_path: Path) -> None:
    """The column names of a well-known shop's order export."""
    guessed = _guess(
        tmp_path,
        "Order Number,Email,Created at,Currency,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Shipping Country,Vendor\n"
        "#1001,a@example.vn,2026-11-21 14:05:00 +0700,VND,2,Mug,50000,M-1,VN,X\n",
    )
    assert guessed.mapping.columns == {
        "order_id": "Order Number",
        "product_id": "Lineitem sku",
        "name": "Lineitem name",
        "quantity": "Lineitem quantity",
        "price": "Lineitem price",
        "time": "Created at",
        "email": "Email",
        "country": "Shipping Country",
        "currency": "Currency",
    }
    assert guessed.unused == ("Vendor",)


def test_what_is_unsure_becomes_a_question(tmp_path: Path) -> None:
    """A date that can be read two ways, and a missing price, are asked about."""
    guessed = _guess(tmp_path, "order,date,sku\n1,01/02/2026,A\n2,03/04/2026,B\n")
    assert any("day or the month" in question for question in guessed.questions)
    assert any("price or the amount" in question for question in guessed.questions)
    assert any("items only" in question for question in guessed.questions)


def test_a_column_whose_values_do_not_fit_is_not_taken(tmp_path: Path) -> None:
    """A column called price with words in it is no price."""
    guessed = _guess(
        tmp_path, "order,date,price,total\n1,2026-02-01,cheap,5\n2,2026-02-02,dear,6\n"
    )
    assert guessed.mapping.columns.get("price") is None
    assert guessed.mapping.columns["amount"] == "total"


def test_prefixes_of_cancellations_are_seen(tmp_path: Path) -> None:
    """Letters that go with negative quantities are cancellations; others are not."""
    rows = "".join(
        f"X{n},2026-02-01,A,2,1\n{n},2026-02-01,A,1,1\nC{n},2026-02-01,A,-1,1\n" for n in range(5)
    )
    guessed = _guess(tmp_path, "invoice,date,sku,qty,price\n" + rows)
    assert guessed.mapping.order_prefixes == {"C": "refund"}


def test_yaml_comes_back() -> None:
    """A mapping survives being written and read."""
    mapping = shipped("online-retail")
    assert from_yaml(to_yaml(mapping)) == mapping
    assert mapping.derive.consent is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind: [", "no YAML"),
        ("kind: orders\nsource: a\ncolumns: {}\ncolour: red", "colour"),
        ("kind: cats\nsource: a\ncolumns: {}", "cats"),
        ("just text", "Expected `object`"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(text: str, reason: str) -> None:
    """Unknown keys and kinds are named."""
    with pytest.raises(InvalidRule, match=reason):
        from_yaml(text)


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ("columns: {time: when, price: p}", "columns.time"),
        ("columns: {time: t, price: p, colour: c}", "columns.colour"),
        ("columns: {time: t}", "columns"),
        ("columns: {time: t, price: p}\ntimezone: Europe/Lodnon", "timezone"),
        (
            "columns: {time: t, price: p, customer_id: c}\nderive: {email: x@example.test}",
            "derive.email",
        ),
        (
            "columns: {time: t, price: p}\nderive: {email: '{customer_id}@example.test'}",
            "derive.email",
        ),
        (
            "columns: {time: t, price: p, customer_id: c}\nderive: {email: '{0}@{1}'}",
            "derive.email",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(change: str, at: str) -> None:
    """The place of the fault is told."""
    with pytest.raises(InvalidRule) as caught:
        check(from_yaml(f"kind: orders\nsource: a\n{change}"), ["t", "p", "c"])
    assert caught.value.at == at


def test_slugs() -> None:
    """A source's name is plain."""
    assert slug("Đơn hàng 2026.csv") == "don-hang-2026-csv"
    assert slug("…") == "import"


def test_a_public_data_set_is_known_by_its_columns_and_its_years(tmp_path: Path) -> None:
    """A company whose export has the same column names does not get the data set's invented addresses."""
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    row = "536365,85123A,HOLDER,6,{}-12-01 08:26,2.55,17850,United Kingdom\n"
    assert _guess(tmp_path, head + row.format(2010)).shipped == "online-retail"
    assert _guess(tmp_path, head + row.format(2026)).shipped == ""


def test_a_sum_is_never_taken_for_a_price(tmp_path: Path) -> None:
    """A marketplace's export with the line's total after the price: the price is the one that was paid."""
    guessed = _guess(
        tmp_path,
        "Mã đơn hàng,Ngày đặt hàng,SKU sản phẩm,Giá gốc,Giá ưu đãi,Số lượng,Tổng giá bán (sản phẩm),Người Mua\n"
        "2511,2025-11-21 09:59,SP1,120000,100000,2,200000,an\n",
    )
    columns = guessed.mapping.columns
    assert (columns["price"], columns["amount"]) == ("Giá ưu đãi", "Tổng giá bán (sản phẩm)")
    assert guessed.questions == ()


def test_an_amount_that_is_not_quantity_times_price_is_asked_about(tmp_path: Path) -> None:
    """A discount of the line stands only in its amount."""
    header = "order,date,sku,qty,price,amount,customer\n"
    assert _guess(tmp_path, header + "1,2026-02-01,A,2,10,20,c\n").questions == ()
    asked = _guess(tmp_path, header + "1,2026-02-01,A,2,10,18,c\n").questions
    assert ["leave the price out" in question for question in asked] == [True]
    whole = _guess(tmp_path, header + "1,2026-02-01,A,2,10,25,c\n1,2026-02-01,B,1,5,25,c\n")
    assert whole.questions == (), "the order's total, repeated on each of its lines"


def test_what_is_told_of_a_customer_is_no_id(tmp_path: Path) -> None:
    """Two people may share a name; a telephone number is one, whoever's it is called."""
    guessed = _guess(
        tmp_path,
        "Mã đơn,Ngày,Mã SP,Số lượng,Giá,Tên khách hàng,Điện thoại khách hàng\nD1,21/11/2026,A,1,5,An,0901234567\n",
    )
    assert guessed.mapping.columns["phone"] == "Điện thoại khách hàng"
    assert "customer_id" not in guessed.mapping.columns


def test_a_first_line_of_data_and_doubled_names_are_asked_about(tmp_path: Path) -> None:
    """Nothing is guessed of a file without names; of two columns of one name the first is taken."""
    first = _guess(tmp_path, "1001,2025-11-21,A,2,1.50\n1002,2025-11-22,B,1,2.50\n")
    assert "first line name the columns" in first.questions[0]
    assert first.missing == ("time", "price or the amount") or first.missing == (
        "price or the amount",
    )
    twice = _guess(tmp_path, "order,date,price,price,qty,customer\n1,2025-11-21,1.5,9,2,c\n")
    assert twice.mapping.columns["price"] == "price"
    assert "Which of the columns called “price”" in twice.questions[0]


def test_what_is_told_is_not_guessed(tmp_path: Path) -> None:
    """A told column is taken whatever it is called, `""` leaves a field out, and a told date order is not asked for."""
    path = tmp_path / "orders.csv"
    path.write_text("ref,date,price,total,buyer\n1,01/02/2026,5,5,c\n")
    table = open_table(path)
    guessed = guess_mapping(
        table.columns,
        table.sample(),
        told={"order_id": "ref", "price": "", "customer_id": "buyer"},
        dates="mdy",
    )
    assert guessed.mapping.columns == {
        "order_id": "ref", "customer_id": "buyer", "time": "date", "amount": "total",
    }  # fmt: skip
    assert (guessed.mapping.dates, guessed.questions) == ("mdy", ())


def test_a_bare_name_is_an_order_number_or_asked_about(tmp_path: Path) -> None:
    """One shop system calls the order's number Name; elsewhere it may be the product or the customer."""
    shop = _guess(
        tmp_path,
        "Name,Paid at,Lineitem quantity,Lineitem price,Email\n#1001,2025-11-21,2,5,a@x.vn\n",
    )
    assert shop.mapping.columns["order_id"] == "Name"
    assert shop.questions == ()
    other = _guess(tmp_path, "order,date,sku,name,qty,price,customer\n1,2025-11-21,A,Trà,2,5,c\n")
    assert other.mapping.columns["name"] == "name"
    assert other.questions == (
        "Is “name” really the name? (it may name the product, or the customer)",
    )


def test_goods_are_named_by_their_description_where_nothing_else_names_them(tmp_path: Path) -> None:
    """A category's name is no product's name; a list of goods without names is asked about."""
    path = tmp_path / "goods.csv"
    for header, name, missing in (
        ("product_id,description,price", "description", ()),
        ("product_id,product_name,description", "product_name", ()),
        ("product_id,product_category_name,price", None, ("name",)),
    ):
        path.write_text(f"{header}\n1,beauty,5\n")
        table = open_table(path)
        guessed = guess_mapping(table.columns, table.sample(), kind="products")
        assert guessed.mapping.columns.get("name") == name
        assert guessed.missing == missing
