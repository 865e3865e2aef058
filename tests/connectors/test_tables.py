"""Files of every encoding and format give the same rows, each with its position; torn rows are kept aside."""

import gzip
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duyen.connectors.tables import Table, guess_delimiter, open_table
from duyen.model.errors import InvalidInput, NotFound

HEADER = ["Mã đơn", "Tên hàng", "Số lượng"]
ROWS = [
    ["D1", "Cà phê sữa đá Đắk Lắk", "2"],
    ["D2", "Trà sen Tây Hồ, hộp", "1"],
    ["D3", "Áo dài lụa “Hà Đông” đỏ", "3"],
    ["D4", "Nguyễn Thị Ánh Tuyết ợ ễ", "4"],
]


def _csv(rows: list[list[str]], delimiter: str = ",") -> str:
    return "".join(delimiter.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)


def _write(path: Path, text: str, encoding: str) -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def _rows(table: Table, size: int = 3) -> list[list[Any]]:
    return [
        list(row)
        for batch in table.batches(size)
        for row in zip(*batch.columns.values(), strict=True)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_unicode_files_are_guessed(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Whatever way Vietnamese text is saved as Unicode, it is read the same."""
    table = open_table(_write(tmp_path / "don.csv", _csv([HEADER, *ROWS], delimiter), encoding))
    assert (table.delimiter, list(table.columns)) == (delimiter, HEADER)
    assert _rows(table) == ROWS


def test_vietnamese_windows_files_are_guessed(tmp_path: Path) -> None:
    """cp1258 writes tones as marks of their own; they come back as whole letters."""
    decomposed = {"ế": "ê\u0301", "ễ": "ê\u0303", "ị": "i\u0323", "ợ": "ơ\u0323", "ầ": "â\u0300"}
    decomposed |= {"Á": "A\u0301", "à": "a\u0300", "ỏ": "o\u0309", "ụ": "u\u0323", "ữ": "ư\u0303"}
    rows = [["D1", "Cà phê sữa đá, lụa đỏ"], ["D2", "Nguyễn Thị Ánh, chiếc ghế đầu, ợ"]]
    text = _csv([["Don", "Ten"], *rows])
    for letter, parts in decomposed.items():
        text = text.replace(letter, parts)
    table = open_table(_write(tmp_path / "don.csv", text, "cp1258"))
    assert table.encoding == "cp1258"
    assert _rows(table) == rows


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Café São João, açúcar, £", "latin-1"), ("Prix 5 € – œuvre d’été", "cp1252")],
)
def test_western_files_are_guessed(tmp_path: Path, name: str, encoding: str) -> None:
    """A Western European file is not taken for Vietnamese."""
    path = _write(tmp_path / "a.csv", _csv([["id", "name"], ["1", name]]), encoding)
    table = open_table(path)
    assert (table.encoding, _rows(table)) == (encoding, [["1", name]])


def test_a_wrong_byte_fails_its_row_only(tmp_path: Path) -> None:
    """In a UTF-8 file one row of another encoding is set aside with its line; positions do not move."""
    good = [f"{n},chè {n}\n".encode() for n in range(30)]
    (tmp_path / "a.csv").write_bytes(b"id,name\n" + b"".join(good) + b"30,ch\xe8\n31,ok\n")
    table = open_table(tmp_path / "a.csv")
    assert table.encoding == "utf-8"
    batches = list(table.batches(1000))
    (bad,) = batches[0].unreadable
    assert (bad.position, bad.line, bad.reason) == (30, 32, "it contains bytes that are not utf-8")
    assert batches[0].positions[-1] == 31


@pytest.mark.parametrize("left", [1, 2])
def test_a_file_cut_off_in_a_letter_is_what_its_whole_letters_are(
    tmp_path: Path, left: int
) -> None:
    """An unfinished download: the last row is set aside, and no name is read in another encoding."""
    whole = "id,name\n1,Nguyễn\n2,Trầ".encode()
    (tmp_path / "a.csv").write_bytes(whole[: -3 + left])
    table = open_table(tmp_path / "a.csv")
    (batch,) = table.batches()
    assert (table.encoding, batch.columns["name"]) == ("utf-8", ["Nguyễn"])
    assert [bad.reason for bad in batch.unreadable] == ["it contains bytes that are not utf-8"]


def test_a_cell_of_megabytes_fails_its_row_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id,name\n1,{'ế' * 2_000_000}\n2,b\n", encoding="utf-8")
    table = open_table(tmp_path / "a.csv")
    (batch,) = table.batches()
    assert (table.encoding, table.delimiter) == ("utf-8", ",")
    assert batch.columns == {"id": ["2"], "name": ["b"]}
    assert batch.unreadable


def test_names_of_columns_that_come_again_are_no_row(tmp_path: Path) -> None:
    """A second line of names in other words, and the first one again where two exports were put together."""
    lines = ["Mã KH,Email,Họ tên", "id,email,name", "K1,a@x.test,An", "Mã KH,Email,Họ tên"]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "K2,b@x.test,Name"]), encoding="utf-8")
    (batch,) = open_table(tmp_path / "a.csv").batches()
    assert batch.columns["Mã KH"] == ["K1", "K2"]
    assert [(bad.line, bad.reason) for bad in batch.unreadable] == [
        (2, "it names the columns once more"),
        (4, "it names the columns once more"),
    ]


def test_torn_rows_are_set_aside(tmp_path: Path) -> None:
    """Rows with too few or too many cells keep their place; cells may hold line breaks."""
    (tmp_path / "a.csv").write_text('id,name\n1,a\n2\n3,"two\nlines"\n\n4,b,c\n5,d\n')
    (batch,) = open_table(tmp_path / "a.csv").batches()
    assert batch.columns == {"id": ["1", "3", "5"], "name": ["a", "two\nlines", "d"]}
    assert list(batch.positions) == [0, 2, 4]
    assert list(batch.lines) == [2, 4, 8]
    assert [(bad.position, bad.line) for bad in batch.unreadable] == [(1, 3), (3, 7)]
    assert "1 cells where the header has 2" in batch.unreadable[0].reason


def test_an_open_quote_does_not_take_the_file_along(tmp_path: Path) -> None:
    """What an unclosed quote swallows is one rejected row; the rows after it are read."""
    rest = "".join(f"{n},{'x' * 90}\n" for n in range(2000))
    (tmp_path / "a.csv").write_text(f'id,name\n1,"open\n{rest}')
    read = sum(len(batch.positions) for batch in open_table(tmp_path / "a.csv").batches())
    bad = [one for batch in open_table(tmp_path / "a.csv").batches() for one in batch.unreadable]
    assert len(bad) >= 1
    assert read > 500


def test_json_lines_become_columns(tmp_path: Path) -> None:
    """Inner objects are dotted columns; a line that is no object is set aside."""
    lines = ['{"id": 1, "who": {"email": "a@b.vn"}}', "[1]", '{"id": "2", "ok": true}', "{"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    table = open_table(tmp_path / "a.jsonl")
    assert table.columns == ("id", "who.email", "ok")
    (batch,) = table.batches()
    assert batch.columns == {"id": [1, "2"], "who.email": ["a@b.vn", None], "ok": [None, "true"]}
    assert [bad.position for bad in batch.unreadable] == [1, 3]


def test_parquet_is_read_by_row_groups(tmp_path: Path) -> None:
    """Positions run through all row groups, and typed cells stay typed."""
    columns = {
        "id": list(range(25)),
        "name": [" chè "] * 25,
        "price": [1.5, float("nan")] + [2.0] * 23,
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=10)
    table = open_table(tmp_path / "a.parquet")
    batches = list(table.batches(7))
    assert table.rows == 25
    assert [p for batch in batches for p in batch.positions] == list(range(25))
    assert batches[0].columns["price"][:3] == [1.5, None, 2.0]
    assert batches[0].columns["name"][0] == "chè"
    assert batches[-1].done == 1.0


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.csv", b"", "import.empty"),
        ("book.xlsx", b"PK\x03\x04 and so on", "import.format"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "import.format"),
        ("a.csv.gz", b"\x1f\x8b packed", "import.format"),
        (
            "torn.csv.gz",
            gzip.compress(b"a,b\n" + bytes(range(256)) * 99, mtime=0)[:-9],
            "import.format",
        ),
        ("void.csv.gz", gzip.compress(b"", mtime=0), "import.empty"),
        ("packed.parquet.gz", gzip.compress(b"PAR1" * 9, mtime=0), "import.format"),
        ("torn.parquet", b"PAR1 torn", "import.format"),
        ("array.json", b'[{"id": 1}]', "import.format"),
        ("blank.csv", b"\n\n,,\n", "import.header"),
    ],
)
def test_files_that_are_no_table_say_what_to_do(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    """Each wrong file gets one sentence with its name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        open_table(tmp_path / name)
    assert caught.value.code == code
    assert name in caught.value.message


def test_what_is_told_is_not_guessed(tmp_path: Path) -> None:
    """A wrong path, encoding or delimiter is refused; a told one is used."""
    with pytest.raises(NotFound, match=r"no\.csv"):
        open_table(tmp_path / "no.csv")
    with pytest.raises(InvalidInput, match="is a folder"):
        open_table(tmp_path)
    path = _write(tmp_path / "a.csv", "a;b\n1,5;2\n", "utf-8")
    assert open_table(path, delimiter=",").columns == ("a;b",)
    with pytest.raises(InvalidInput, match="utf-9"):
        open_table(path, encoding="utf-9")


def test_delimiters_inside_quotes_do_not_count() -> None:
    """The header decides only together with the rows below it."""
    assert guess_delimiter(['"a,b,c";d\n', '"x,y";1\n', "z;2\n"]) == ";"


def test_a_fingerprint_tells_files_apart(tmp_path: Path) -> None:
    """A checkpoint belongs to one content."""
    path = _write(tmp_path / "a.csv", "a,b\n1,2\n", "utf-8")
    before = open_table(path).fingerprint()
    assert before == open_table(path).fingerprint()
    path.write_text("a,b\n1,3\n")
    assert open_table(path).fingerprint() != before


def test_names_of_columns_are_unique(tmp_path: Path) -> None:
    """Nameless and doubled columns get a number."""
    path = _write(tmp_path / "a.csv", "id,,id\n1,2,3\n", "utf-8")
    assert open_table(path).columns == ("id", "column 2", "id (3)")
    assert msgspec.to_builtins(open_table(path).sample()) == {
        "id": ["1"], "column 2": ["2"], "id (3)": ["3"],
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_packed_file_is_the_same_table(tmp_path: Path, ending: str) -> None:
    """gzip changes neither rows nor the name that imports are known by, and progress reaches the end."""
    text = {
        "csv": _csv([HEADER, *ROWS]),
        "jsonl": "".join(
            msgspec.json.encode(dict(zip(HEADER, row, strict=True))).decode() + "\n" for row in ROWS
        ),
    }[ending]
    path = tmp_path / f"don.{ending}.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = open_table(path)
    assert (table.name, table.columns, _rows(table)) == ("don", tuple(HEADER), ROWS)
    assert [batch.done for batch in table.batches(2)][-1] == 1.0


def test_what_stands_above_the_names_of_columns_is_no_row(tmp_path: Path) -> None:
    """Reports begin with a title; spreadsheet programs with the separator they were told."""
    title = "Báo cáo bán hàng,,\r\n\r\nTừ ngày 1/11 đến ngày 30/11\r\n"
    for above, text in (
        (2, title + _csv([HEADER, *ROWS])),
        (1, "sep=;\n" + _csv([HEADER, *ROWS], ";")),
    ):
        table = open_table(_write(tmp_path / "a.csv", text, "utf-8"))
        assert (table.above, table.columns, _rows(table)) == (above, tuple(HEADER), ROWS)
        lines = [line for batch in table.batches() for line in batch.lines]
        assert lines[0] == text.count("\n") - 3


def test_empty_cells_at_the_end_of_a_row_tear_nothing(tmp_path: Path) -> None:
    """Exports that end each row with a separator keep all their rows; another cell too many does not."""
    path = _write(tmp_path / "a.csv", "a,b\n1,2,\n3,4, ,\n5,6,7\n", "utf-8")
    table = open_table(path)
    assert _rows(table) == [["1", "2"], ["3", "4"]]
    assert [bad.line for batch in table.batches() for bad in batch.unreadable] == [4]


SHEET = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>Báo cáo</t></is></c></row>
<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c><c r="D3" t="inlineStr"><is><t>Giá</t></is></c></row>
<row r="4"><c r="A4" s="1"><v>45982.586805555555</v></c><c r="B4" t="str"><f>A1</f><v>D1</v></c>
<c r="D4"><v>2.5499999999999998</v></c></row>
<row r="5"/><row r="6"><c r="A6" s="2"><v>45983</v></c><c r="B6"><v>17850</v></c><c r="D6" s="3"><v>150000</v></c></row>
<row r="7"><c r="B7" t="b"><v>1</v></c><c r="D7" t="e"><v>#REF!</v></c><c r="XFE7"><v>1</v></c></row>
</sheetData></worksheet>"""
STYLES = """<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>
<numFmt numFmtId="164" formatCode="dd/mm/yyyy;@"/><numFmt numFmtId="165" formatCode="#,##0 &quot;đồng&quot;"/></numFmts>
<cellXfs><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>"""
BOOK = """<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
<sheet name="hidden" state="hidden" r:id="r1"/><sheet name="empty" r:id="r2"/>
<sheet name="Đơn" r:id="r3"/></sheets></workbook>"""
LINKS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="worksheets/1.xml"/><Relationship Id="r2" Target="/xl/worksheets/2.xml"/>
<Relationship Id="r3" Target="worksheets/3.xml"/></Relationships>"""
TEXTS = """<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>Ngày</t></si>
<si><r><t>Mã </t></r><r><t>đơn</t></r><rPh><t>read aloud</t></rPh></si></sst>"""


def _book(path: Path, **parts: str) -> Path:
    files = {
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": LINKS,
        "xl/sharedStrings.xml": TEXTS,
        "xl/styles.xml": STYLES,
        "xl/worksheets/1.xml": SHEET,
        "xl/worksheets/2.xml": "<worksheet><sheetData/></worksheet>",
        "xl/worksheets/3.xml": SHEET,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, parts.get(Path(name).stem, text))
    return path


def test_a_spreadsheet_is_read_as_it_is_shown(tmp_path: Path) -> None:
    """Dates are dates, numbers what was typed, formulas their results; errors and empty rows are nothing."""
    table = open_table(_book(tmp_path / "don.xlsx"))
    assert (table.format, table.columns) == ("xlsx", ("Ngày", "Mã đơn", "column 3", "Giá"))
    assert _rows(table) == [
        [datetime.fromisoformat("2025-11-21 14:05"), "D1", None, 2.55],
        [datetime.fromisoformat("2025-11-22"), 17850, None, 150000],
        [None, "true", None, None],
    ]
    assert [line for batch in table.batches() for line in batch.lines] == [4, 6, 7]


@pytest.mark.parametrize(
    "parts", [{"3": "<worksheet><row>"}, {"workbook": "no XML"}, {"sharedStrings": "<sst"}]
)
def test_a_torn_spreadsheet_says_so(tmp_path: Path, parts: dict[str, str]) -> None:
    """One sentence, whichever part is torn."""
    with pytest.raises(InvalidInput, match=r"torn\.xlsx cannot be read as a spreadsheet"):
        _rows(open_table(_book(tmp_path / "torn.xlsx", **parts)))
    with pytest.raises(InvalidInput, match="no cells"):
        open_table(_book(tmp_path / "a.xlsx", **{"1": "<a/>", "3": "<a/>"}))
