"""Fields that all parts of a plan document have: codes, texts on invoice lines, lists of codes."""

import re
from typing import Final

from domain.fields import UNSTORABLE, Fields, but_is, shown
from domain.plans.limits import CODE_CHARACTERS_MAX, VALUE_CHARACTERS_MAX

CODE_PATTERN: Final = rf"^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{CODE_CHARACTERS_MAX - 1}}}$"
SAC_PATTERN: Final = r"^([0-9]{4}|[0-9]{6}|[0-9]{8})$"
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


def read_sac(fields: Fields, *, required: bool = True) -> str | None:
    """A service accounting code (or HSN): 4, 6 or 8 digits in quotes."""
    value = fields.take("sac")
    if value is None and not required:
        return None
    if isinstance(value, str) and _SAC.fullmatch(value):
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


def is_value(value: object) -> bool:
    """Whether a property of an event may be compared with this."""
    return isinstance(value, str) and 0 < len(value) <= VALUE_CHARACTERS_MAX and not UNSTORABLE.search(value)
