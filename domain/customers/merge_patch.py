"""A partial change of a document: what is named is replaced, what is null goes, what is not named stays (RFC 7396).

Objects are merged member by member; lists are replaced as a whole. The result is read like any document, so that a change
is checked by the same rules as the whole, and every fault names its field.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.errors import FieldError, Invalid
from domain.fields import shown

_DEPTH_MAX: Final = 8


def merge(document: Mapping[str, Any], patch: object, *, path: str = "") -> dict[str, Any]:
    """The document with the patch applied; neither is changed. Raises Invalid for a patch that is no object."""
    if not isinstance(patch, Mapping):
        raise Invalid([FieldError(path, f"must be an object with the fields to change, not {shown(patch)}")])
    return _merge(document, patch, depth=1, path=path)


def _merge(document: Mapping[str, Any], patch: Mapping[Any, Any], *, depth: int, path: str) -> dict[str, Any]:
    if depth > _DEPTH_MAX:
        raise Invalid([FieldError(path, f"the change is nested deeper than {_DEPTH_MAX} objects")])
    merged = dict(document)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            before = merged.get(name)
            merged[name] = _merge(before if isinstance(before, Mapping) else {}, value, depth=depth + 1, path=path)
        else:
            merged[name] = value
    return merged
