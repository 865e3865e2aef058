"""Progressive profiling: the second visit asks what the first did not."""

from __future__ import annotations

from collections.abc import Collection

from duyen.model.form import Field, Form


def asked(form: Form, known: Collection[str]) -> tuple[Field, ...]:
    """The questions to ask somebody of whom these traits are known.

    Without `ask` always all. With it at most so many that are not answered yet; where all are, from the first on again.
    """
    if not form.ask:
        return form.fields
    fresh = [field for field in form.fields if field.trait not in known]
    return tuple((fresh or form.fields)[: form.ask])
