"""What a condition means: on one person, on a batch as columns, on the lake. One language, one meaning."""

from duyen.rules.batch import Compiled
from duyen.rules.columns import Twins, twins
from duyen.rules.compare import find, matches, passes, to_instant, trait_value
from duyen.rules.computed import computed_needs, computed_values, parse_computed
from duyen.rules.evaluate import Verdict, evaluate
from duyen.rules.formula import resolve
from duyen.rules.inline import inline
from duyen.rules.parse import parse_rule, parse_where, to_data, where_to_data
from duyen.rules.quality import USUAL, Burst, burst_of, mail_of, scanned
from duyen.rules.reads import CONSENT, GROUP, Read, group_traits_read, reads
from duyen.rules.series import (
    Accumulators,
    amount_of,
    covers,
    insert,
    series_key,
    series_needed,
    union,
)
from duyen.rules.values import union_values

__all__ = [
    "CONSENT",
    "GROUP",
    "USUAL",
    "Accumulators",
    "Burst",
    "Compiled",
    "Read",
    "Twins",
    "Verdict",
    "amount_of",
    "burst_of",
    "computed_needs",
    "computed_values",
    "covers",
    "evaluate",
    "find",
    "group_traits_read",
    "inline",
    "insert",
    "mail_of",
    "matches",
    "parse_computed",
    "parse_rule",
    "parse_where",
    "passes",
    "reads",
    "resolve",
    "scanned",
    "series_key",
    "series_needed",
    "to_data",
    "to_instant",
    "trait_value",
    "twins",
    "union",
    "union_values",
    "where_to_data",
]
