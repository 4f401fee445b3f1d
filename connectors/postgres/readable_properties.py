"""Properties of an event as PostgreSQL reads JSON: it has no character U+0000, which a producer may send in a text."""

from typing import Final

# U+0001 stands in its place: no plan may name either. A backslash that is itself escaped begins no other character.
READABLE: Final = r"""CASE WHEN strpos(u.properties, '\u0000') = 0 THEN u.properties
    ELSE regexp_replace(u.properties, '(?<!\\)((\\\\)*)\\u0000', '\1\\u0001', 'g') END"""
"""The properties of `usage_event u`, for a cast to json."""
