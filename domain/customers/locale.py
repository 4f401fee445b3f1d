"""Language and time zone of a customer."""

import re
from typing import Final
from zoneinfo import ZoneInfo

from domain.fields import Fields, but_is, shown

LANGUAGES_MAX: Final = 10
_TIME_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
# RFC 5646: language, script, region and variants; extensions and private use say nothing about a mail's words.
_LANGUAGE: Final = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
)


def read_time_zone(fields: Fields, name: str = "time_zone") -> str | None:
    """An IANA time zone; None when it is missing, or wrong and remembered as a fault."""
    value = fields.take(name)
    if value is None:
        return None
    if isinstance(value, str) and _TIME_ZONE.fullmatch(value):
        try:
            return ZoneInfo(value).key
        except (LookupError, ValueError, OSError):  # OSError: the name of a folder of zones, or a longer one than files have
            pass
    fields.fault(name, f"must be an IANA time zone, e.g. Asia/Kolkata, not {shown(value)}")
    return None


def read_languages(fields: Fields, name: str = "languages") -> tuple[str, ...]:
    """Language tags (BCP 47) in canonical case, the preferred first, each once; none when there are none."""
    value = fields.take(name)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > LANGUAGES_MAX:
        fields.fault(name, f"must be a list of at most {LANGUAGES_MAX} language tags, e.g. [en-IN, hi]" + but_is(value))
        return ()
    found: list[str] = []
    for place, row in enumerate(value):
        tag = language_tag(row)
        if tag is None:
            fields.fault(f"{name}[{place}]", f"must be a language tag (BCP 47), e.g. en-IN or hi, not {shown(row)}")
        elif tag not in found:
            found.append(tag)
    return tuple(found)


def language_tag(value: object) -> str | None:
    """A well-formed tag in canonical case: language in small letters, Script, REGION; None for anything else."""
    parts = _LANGUAGE.fullmatch(value) if isinstance(value, str) and len(value) <= 35 else None
    if parts is None:
        return None
    language, script, region = parts["language"].lower(), parts["script"], parts["region"]
    tag = language
    tag += f"-{script.title()}" if script else ""
    tag += f"-{region.upper()}" if region else ""
    return tag + parts["variants"].lower()
