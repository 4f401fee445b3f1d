"""Fields that all parts of a plan document have: codes, texts on invoice lines, lists of codes."""

import re
from typing import Final

from domain.fields import TEXT_MAX, Fields, but_is, shown
from domain.plans.limits import CODE_CHARACTERS_MAX, VALUE_CHARACTERS_MAX
from domain.tax.gst import unrated_sac_fault

CODE_PATTERN: Final = rf"^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{CODE_CHARACTERS_MAX - 1}}}$"
SAC_PATTERN: Final = r"^([0-9]{4}|[0-9]{6}|[0-9]{8})$"
# Control characters, line breaks, what does not show or turns the direction of writing, and halves of characters: on an
# invoice or a screen a text with one of these says something else than it holds. Joiners are part of Indian scripts.
_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f"
)
_LINE: Final = re.compile(rf"[^{_UNPRINTABLE}]*")
_NAME: Final = re.compile(rf"[!-~]([ -~]{{0,{VALUE_CHARACTERS_MAX - 2}}}[!-~])?")
_CODE: Final = re.compile(CODE_PATTERN[1:-1])
_SAC: Final = re.compile(SAC_PATTERN[1:-1])


def read_code(fields: Fields, name: str = "code", *, default: str | None = None) -> str | None:
    """A code: it goes into files, price cells and invoice numbers' neighbours, so it has no spaces and no slashes."""
    value = fields.take(name)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    fields.fault(
        name,
        f"must be a code of 1 to {CODE_CHARACTERS_MAX} letters, digits and . _ : - that begins with a letter or digit"
        + but_is(value),
    )
    return None


def read_line(fields: Fields, name: str) -> str:
    """A text for an invoice line: one printable line of 1 to 256 characters. Empty when it is wrong."""
    value = fields.take(name)
    if isinstance(value, str) and len(value) <= TEXT_MAX and value.strip() and _LINE.fullmatch(value):
        return value
    fields.fault(name, f"must be a text of 1 to {TEXT_MAX} printable characters in one line" + but_is(value))
    return ""


def read_sac(fields: Fields, *, required: bool = True) -> str | None:
    """A service accounting code: 4, 6 or 8 digits in quotes, of a group whose GST rate is known."""
    value = fields.take("sac")
    if value is None and not required:
        return None
    if isinstance(value, str) and _SAC.fullmatch(value):
        unrated = unrated_sac_fault(value)
        if unrated is not None:
            fields.fault("sac", unrated)
        return value
    fields.fault("sac", f'must be 4, 6 or 8 digits in quotes, e.g. "998319"{but_is(value)}')
    return None


def read_codes(fields: Fields, name: str, *, most: int, what: str) -> tuple[str, ...]:
    """A list of codes, each once. Whether they are known is asked later."""
    codes: list[str] = []
    for number, value in enumerate(fields.rows(name, most=most, what=what)):
        where = f"{name}[{number}]"
        if not isinstance(value, str) or not _CODE.fullmatch(value):
            fields.fault(where, f"must be the code of a {what}, not {shown(value)}")
        elif value in codes:
            fields.fault(where, f"{value!r} is listed twice")
        else:
            codes.append(value)
    return tuple(codes)


def is_name(value: object) -> bool:
    """Whether this may be what producers call an event type or a property: ASCII, where no letter looks like another."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def read_name(fields: Fields, name: str, *, required: bool = True) -> str | None:
    """An event type or a property as producers name it."""
    value = fields.take(name)
    if isinstance(value, str) and is_name(value):
        return value
    if value is not None or required:
        reason = f"must be as events have it: 1 to {VALUE_CHARACTERS_MAX} visible ASCII characters, no space around them"
        fields.fault(name, reason + but_is(value))
    return None


def is_value(value: object) -> bool:
    """Whether a property of an event may be compared with this: a space around it, or what does not show, is a slip."""
    if not isinstance(value, str) or not 0 < len(value) <= VALUE_CHARACTERS_MAX:
        return False
    return value == value.strip() and _LINE.fullmatch(value) is not None
