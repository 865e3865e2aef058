"""Payloads in the shapes that shops document, of a shop of our own; each call may change some of it."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def shopify_customer(**other: Any) -> Body:
    """A customer who agreed to e-mail in the shop, and to nothing by SMS."""
    return {
        "id": 7_001_002_003,
        "email": "Tuyet@Example.test",
        "phone": None,
        "first_name": "Ánh Tuyết",
        "last_name": "Nguyễn",
        "created_at": "2026-11-01T09:00:00+07:00",
        "updated_at": "2026-11-20T10:00:00+07:00",
        "tags": "vip, trà",
        "default_address": {"city": "Huế", "country_code": "VN", "phone": "0901 234 567"},
        "email_marketing_consent": {
            "state": "subscribed",
            "opt_in_level": "confirmed_opt_in",
            "consent_updated_at": "2026-11-02T08:30:00+07:00",
        },
        "sms_marketing_consent": {
            "state": "not_subscribed",
            "opt_in_level": "single_opt_in",
            "consent_updated_at": None,
            "consent_collected_from": "OTHER",
        },
    } | other


def shopify_order(**other: Any) -> Body:
    """Two lines, in đồng; the customer saw it in dollars."""
    return {
        "id": 5_000_000_001,
        "name": "#1001",
        "test": False,
        "email": "tuyet@example.test",
        "created_at": "2026-11-20T10:00:00+07:00",
        "processed_at": "2026-11-20T10:00:00+07:00",
        "updated_at": "2026-11-20T10:00:02+07:00",
        "cancelled_at": None,
        "currency": "VND",
        "presentment_currency": "USD",
        "total_price": "400000",
        "subtotal_price": "370000",
        "total_tax": "0",
        "total_discounts": "20000",
        "total_price_set": {
            "shop_money": {"amount": "400000", "currency_code": "VND"},
            "presentment_money": {"amount": "15.75", "currency_code": "USD"},
        },
        "total_shipping_price_set": {
            "shop_money": {"amount": "30000", "currency_code": "VND"},
            "presentment_money": {"amount": "1.18", "currency_code": "USD"},
        },
        "discount_codes": [{"code": "CHAO", "amount": "20000", "type": "fixed_amount"}],
        "financial_status": "paid",
        "fulfillment_status": None,
        "source_name": "web",
        "customer": {"id": 7_001_002_003, "email": "tuyet@example.test", "phone": None},
        "line_items": [
            {
                "product_id": 11,
                "variant_id": 111,
                "sku": "SEN-100",
                "title": "Trà sen Tây Hồ",
                "variant_title": "100 g",
                "vendor": "Trà Việt",
                "price": "129000",
                "quantity": 2,
            },
            {
                "product_id": 12,
                "variant_id": 121,
                "title": "Chén sứ",
                "price": "132000",
                "quantity": 1,
            },
        ],
        "refunds": [],
    } | other


def shopify_refund(**other: Any) -> Body:
    """One cup given back; the money has moved."""
    return {
        "id": 900,
        "order_id": 5_000_000_001,
        "created_at": "2026-11-21T09:00:00+07:00",
        "processed_at": "2026-11-21T09:00:00+07:00",
        "note": "vỡ",
        "refund_line_items": [{"quantity": 1, "line_item": {"product_id": 12}}],
        "transactions": [{"kind": "refund", "status": "success", "amount": "132000"}],
    } | other


def shopify_checkout(**other: Any) -> Body:
    """A checkout whose customer has left an address."""
    return {
        "id": 31,
        "token": "c0ffee",
        "email": "an@example.test",
        "phone": None,
        "created_at": "2026-11-20T10:00:00+07:00",
        "updated_at": "2026-11-20T10:00:00+07:00",
        "completed_at": None,
        "currency": "VND",
        "total_price": "129000",
        "abandoned_checkout_url": "https://shop.example.test/checkouts/c0ffee/recover",
        "customer": None,
        "line_items": [{"product_id": 11, "title": "Trà sen", "price": "129000", "quantity": 1}],
    } | other


def shopify_product(**other: Any) -> Body:
    """A product with two sizes, both counted."""
    variant = {"inventory_management": "shopify", "inventory_policy": "deny"}
    return {
        "id": 11,
        "title": "Trà sen Tây Hồ",
        "handle": "tra-sen",
        "vendor": "Trà Việt",
        "product_type": "Trà",
        "status": "active",
        "published_at": "2026-10-01T00:00:00+07:00",
        "updated_at": "2026-11-20T10:00:00+07:00",
        "tags": "sen, quà",
        "image": {"src": "https://cdn.example.test/sen.jpg"},
        "variants": [
            {**variant, "id": 111, "price": "129000", "inventory_quantity": 5},
            {**variant, "id": 112, "price": "249000", "inventory_quantity": -2},
        ],
    } | other


def woo_order(**other: Any) -> Body:
    """A guest's order in euros, paid."""
    return {
        "id": 727,
        "number": "727",
        "status": "processing",
        "currency": "EUR",
        "date_created": "2026-11-20T12:00:00",
        "date_created_gmt": "2026-11-20T05:00:00",
        "date_modified_gmt": "2026-11-20T05:00:05",
        "customer_id": 0,
        "total": "49.90",
        "total_tax": "7.97",
        "discount_total": "0.00",
        "shipping_total": "4.90",
        "created_via": "checkout",
        "payment_method": "cod",
        "billing": {"email": "binh@example.test", "phone": "0912345678"},
        "coupon_lines": [],
        "line_items": [
            {"product_id": 93, "variation_id": 0, "name": "Tee", "price": 22.5, "quantity": 2}
        ],
        "refunds": [],
    } | other


def woo_product(**other: Any) -> Body:
    """A product of which seven are left."""
    return {
        "id": 93,
        "name": "Tee",
        "status": "publish",
        "permalink": "https://woo.example.test/product/tee/",
        "price": "22.50",
        "purchasable": True,
        "catalog_visibility": "visible",
        "manage_stock": True,
        "stock_quantity": 7,
        "stock_status": "instock",
        "sku": "TEE",
        "date_modified_gmt": "2026-11-20T05:00:00",
        "categories": [{"id": 1, "name": "Trà"}],
        "tags": [{"id": 2, "name": "grün"}],
        "images": [{"src": "https://woo.example.test/tee.jpg"}],
    } | other


def haravan_order(**other: Any) -> Body:
    """An order by telephone, in đồng, as numbers."""
    return {
        "id": 1_088_000_001,
        "name": "#100018",
        "contact_email": None,
        "created_at": "2026-11-20T03:00:00.123Z",
        "updated_at": "2026-11-20T03:00:01.000Z",
        "cancelled_at": None,
        "currency": "VND",
        "total_price": 1_250_000.0,
        "subtotal_price": 1_220_000.0,
        "financial_status": "pending",
        "customer": {"id": 1_001, "email": None, "phone": "0987654321"},
        "line_items": [
            {
                "product_id": 77,
                "variant_id": 771,
                "title": "Áo dài",
                "price": 610_000.0,
                "quantity": 2,
            }
        ],
        "shipping_lines": [{"price": 30_000.0}],
        "refunds": [],
    } | other


def haravan_customer(**other: Any) -> Body:
    """A customer with a telephone only, who agreed nobody knows when."""
    return {
        "id": 1_001,
        "email": None,
        "phone": "0987654321",
        "first_name": "Tuyết",
        "last_name": "Nguyễn Thị Ánh",
        "accepts_marketing": True,
        "created_at": "2026-10-01T03:00:00Z",
        "updated_at": "2026-11-20T03:00:00Z",
    } | other
