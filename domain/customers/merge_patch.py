"""A partial change of a document: what is named is replaced, what is null goes, what is not named stays (RFC 7396).

Objects are merged member by member; lists are replaced as a whole. The result is read like any document, so that a change
is checked by the same rules as the whole, and every fault names its field.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.errors import FieldError, Invalid
from domain.fields import shown

UNKNOWN: Final = "unknown field"
"""How the fault of a field nobody reads begins (domain/fields.py)."""
_DEPTH_MAX: Final = 8
_IN_PLACE_OF_NULL: Final = "null"


def merge(document: Mapping[str, Any], patch: object, *, path: str = "") -> dict[str, Any]:
    """The document with the patch applied; neither is changed. Raises Invalid for a patch that is no object."""
    return _merge(document, _object(patch, path), depth=1, path=path)


def unknown_nulls(
    document: Mapping[str, Any], patch: object, read: Callable[[dict[str, Any]], object], *, path: str = ""
) -> list[FieldError]:
    """The fields a patch takes back that do not exist: a slip, which would otherwise change nothing without a word.

    `read` reads the patched document: it is given something in the place of each null, and asked what it does not know.
    """
    with_nulls = _merge(document, _object(patch, path), depth=1, path=path, null=_IN_PLACE_OF_NULL)
    try:
        read(with_nulls)
    except Invalid as error:
        return [fault for fault in error.errors if fault.reason.startswith(UNKNOWN)]
    return []


def _object(patch: object, path: str) -> Mapping[Any, Any]:
    if not isinstance(patch, Mapping):
        raise Invalid([FieldError(path, f"must be an object with the fields to change, not {shown(patch)}")])
    return patch


def _merge(
    document: Mapping[str, Any], patch: Mapping[Any, Any], *, depth: int, path: str, null: object = None
) -> dict[str, Any]:
    if depth > _DEPTH_MAX:
        raise Invalid([FieldError(path, f"the change is nested deeper than {_DEPTH_MAX} objects")])
    merged = dict(document)
    for name, value in patch.items():
        if value is None and null is not None:
            merged[name] = null
        elif value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            before = merged.get(name)
            merged[name] = _merge(
                before if isinstance(before, Mapping) else {}, value, depth=depth + 1, path=path, null=null
            )
        else:
            merged[name] = value
    return merged
