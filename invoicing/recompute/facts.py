"""Properties of events as the second rater compares them: JSON texts read back."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_DIFFERENT_MAX = 100_000


def read_facts(properties: Sequence[str], texts: Sequence[str]) -> Mapping[str, Any]:
    """The values of a group's properties; one that an event does not have, or has as null, is left out."""
    return {name: _read(text) for name, text in zip(properties, texts, strict=True) if text}


@lru_cache(_DIFFERENT_MAX)
def _read(text: str) -> Any:
    return json.loads(text)
