"""The kinds of shops whose webhooks are understood."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duyen.connectors.delivery import Shop
from duyen.connectors.haravan import Haravan
from duyen.connectors.shopify import Shopify
from duyen.connectors.woocommerce import WooCommerce

SHOPS: Mapping[str, Shop] = MappingProxyType(
    {"shopify": Shopify(), "woocommerce": WooCommerce(), "haravan": Haravan()}
)
