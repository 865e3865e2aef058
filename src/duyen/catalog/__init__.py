"""Items of the catalogue: read from what is sent, learned from order lines, found by their words."""

from duyen.catalog.items import read_item, read_items, search_text, to_data
from duyen.catalog.learned import Learned, completed
from duyen.catalog.search import Index

__all__ = ["Index", "Learned", "completed", "read_item", "read_items", "search_text", "to_data"]
