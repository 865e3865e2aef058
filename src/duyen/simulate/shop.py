"""The simulated shop's catalogue: 120 Vietnamese goods in eight categories, with pairs that go together.

`pictures/<category>.svg` are the drawings that the demo storefront serves under `/shop/img/`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

CURRENCY = "VND"


class Item(NamedTuple):
    """One product; `goes_with` is the id of what is often bought with it. `price` in whole đồng."""

    id: str
    name: str
    category: str
    price: int
    goes_with: str


class Category(NamedTuple):
    """A category: its goods are every kind in every size. `partner`: whose goods go with these."""

    id: str
    name: str
    partner: str
    kinds: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[str, float], ...]


_PACKS = (("250 g", 1.0), ("500 g", 1.8), ("hộp quà", 2.6))
_WEAR = (("cỡ nhỏ", 1.0), ("cỡ vừa", 1.0), ("cỡ lớn", 1.1))

CATEGORIES = (
    Category(
        "coffee",
        "Cà phê",
        "kitchen",
        (
            ("Cà phê Robusta Đắk Lắk", 95_000),
            ("Cà phê Arabica Cầu Đất", 145_000),
            ("Cà phê Culi Lâm Đồng", 120_000),
            ("Cà phê mật ong Sơn La", 165_000),
            ("Cà phê đặc sản Khe Sanh", 210_000),
        ),
        _PACKS,
    ),
    Category(
        "tea",
        "Trà",
        "ceramics",
        (
            ("Trà sen Tây Hồ", 260_000),
            ("Trà Shan tuyết Hà Giang", 180_000),
            ("Trà ô long Bảo Lộc", 135_000),
            ("Trà nhài Tân Cương", 98_000),
            ("Trà atisô Đà Lạt", 75_000),
        ),
        _PACKS,
    ),
    Category(
        "ao-dai",
        "Áo dài",
        "shoes",
        (
            ("Áo dài lụa Hà Đông", 1_250_000),
            ("Áo dài gấm cổ cao", 980_000),
            ("Áo dài cách tân hoa sen", 720_000),
            ("Áo dài thêu tay Huế", 1_650_000),
            ("Áo dài trắng nữ sinh", 450_000),
        ),
        _WEAR,
    ),
    Category(
        "shoes",
        "Giày dép",
        "ao-dai",
        (
            ("Guốc gỗ quai nhung", 240_000),
            ("Giày búp bê da mềm", 390_000),
            ("Dép xỏ ngón cói", 120_000),
            ("Giày thể thao đế êm", 690_000),
            ("Xăng đan quai chéo", 320_000),
        ),
        _WEAR,
    ),
    Category(
        "beauty",
        "Chăm sóc da",
        "beauty",
        (
            ("Sữa rửa mặt rau má", 110_000),
            ("Nước hoa hồng Đà Lạt", 150_000),
            ("Kem chống nắng cám gạo", 220_000),
            ("Tinh dầu bưởi dưỡng tóc", 135_000),
            ("Mặt nạ nghệ mật ong", 90_000),
        ),
        (("50 ml", 1.0), ("100 ml", 1.7), ("bộ đôi", 2.4)),
    ),
    Category(
        "kitchen",
        "Đồ bếp",
        "coffee",
        (
            ("Phin pha cà phê nhôm", 45_000),
            ("Nồi đất kho cá", 130_000),
            ("Chảo gang nhỏ", 280_000),
            ("Thớt gỗ nghiến", 210_000),
            ("Ống đũa tre khắc", 65_000),
        ),
        (("loại thường", 1.0), ("loại tốt", 1.4), ("bộ đôi", 1.9)),
    ),
    Category(
        "books",
        "Sách",
        "tea",
        (
            ("Truyện cổ tích Việt Nam", 120_000),
            ("Món ngon ba miền", 165_000),
            ("Sổ tay đi Tây Bắc", 98_000),
            ("Thơ xuân chọn lọc", 76_000),
            ("Tranh Đông Hồ kể chuyện", 230_000),
        ),
        (("bìa mềm", 1.0), ("bìa cứng", 1.5), ("bản đặc biệt", 2.2)),
    ),
    Category(
        "ceramics",
        "Gốm sứ",
        "tea",
        (
            ("Ấm trà Bát Tràng", 350_000),
            ("Bộ chén men ngọc", 290_000),
            ("Bình hoa men lam", 480_000),
            ("Đĩa cá chép đắp nổi", 220_000),
            ("Lọ gốm Chu Đậu", 650_000),
        ),
        (("nhỏ", 1.0), ("vừa", 1.5), ("lớn", 2.3)),
    ),
)
CATEGORY_IDS = tuple(category.id for category in CATEGORIES)
_BY_ID = {category.id: category for category in CATEGORIES}

OFFERS = {
    "coffee-morning": "coffee",
    "tea-season": "tea",
    "ao-dai-tet": "ao-dai",
    "shoes-light": "shoes",
    "beauty-care": "beauty",
    "kitchen-home": "kitchen",
}
"""Offers of the starter program -> the category they promote."""


def catalogue() -> tuple[Item, ...]:
    """All goods, in a fixed order."""
    return tuple(
        Item(
            f"{category.id}-{kind * 3 + size + 1:02d}",
            f"{name}, {label}",
            category.id,
            round(price * factor / 1_000) * 1_000,
            f"{category.partner}-{_partner_number(category, kind, size):02d}",
        )
        for category in CATEGORIES
        for kind, (name, price) in enumerate(category.kinds)
        for size, (label, factor) in enumerate(category.sizes)
    )


def _partner_number(category: Category, kind: int, size: int) -> int:
    """Which of the partner's goods goes with this one: never the good itself."""
    shift = 1 if category.partner == category.id else 0
    return (kind + shift) % 5 * 3 + size + 1


def as_catalogue_items(base_url: str) -> list[dict[str, Any]]:
    """The goods in the shape of `PUT /v1/catalog/items`."""
    return [
        {
            "id": item.id,
            "name": item.name,
            "price": str(item.price),
            "currency": CURRENCY,
            "category": item.category,
            "url": f"{base_url}/shop?item={item.id}",
            "image": f"{base_url}/shop/img/{item.category}.svg",
            "tags": [_BY_ID[item.category].name],
        }
        for item in catalogue()
    ]
