"""Texts people write: names, addresses, emails and phones, fit to be stored, printed on an invoice and mailed.

A text is kept trimmed and in Unicode's composed form. Characters that do not show or that turn the direction of what
follows are refused: they make two names look alike, or a name look like another.
"""

import re
import unicodedata
from typing import Any, Final

from domain.fields import Fields, but_is, shown

NAME_MAX: Final = 200
EMAIL_MAX: Final = 254
_JOINERS: Final = "\u200c\u200d"
"""Zero width, and part of how Indian scripts are written."""
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{5,30}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls, formats (bidirectional ones among them), surrogates, private, unassigned, separators."""


def text_fault(value: object, *, most: int, printed: bool = False) -> str | None:
    """What is wrong with a text, to be read after its path; None when nothing is.

    `printed`: it stands on invoices, whose fonts have Latin letters only, as the registers of companies and GST do.
    """
    if not isinstance(value, str) or not value.strip():
        return f"must be a text of 1 to {most} characters" + (
            but_is(value) if value is None or value != "" else "; it is empty"
        )
    if len(value) > most:
        return f"has {len(value):,} characters; at most {most} are kept"
    for character in unicodedata.normalize("NFC", value.strip()):
        if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
            return f"holds the invisible character U+{ord(character):04X}: leave it out"
        if printed and unicodedata.category(character).startswith("L") and not _is_latin(character):
            return f"holds {character!r}, and invoices are printed in Latin letters: write it as it is registered in English"
    return None


def tidy(text: str) -> str:
    """A text as it is kept."""
    return unicodedata.normalize("NFC", text.strip())


def read_text(
    fields: Fields, name: str, *, most: int = NAME_MAX, printed: bool = False, required: bool = True
) -> str | None:
    """A text of an object; None when it is missing, or wrong and remembered as a fault."""
    value = fields.take(name)
    if value is None and not required:
        return None
    fault = text_fault(value, most=most, printed=printed)
    if fault is not None:
        fields.fault(name, fault)
        return None
    return tidy(value)


def read_code(fields: Fields, name: str = "code", *, required: bool = True) -> str | None:
    """What something is called in the books: letters, digits, dots, hyphens and underscores, at most 64."""
    value = fields.take(name)
    if value is None and not required:
        return None
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    fields.fault(name, "must be 1 to 64 letters A-Z, digits, dots, hyphens and underscores" + but_is(value))
    return None


def read_email(fields: Fields, name: str = "email") -> str | None:
    """A mail address, required; the part after the @ is kept in small letters."""
    value = fields.take(name)
    if isinstance(value, str) and len(value) <= EMAIL_MAX and _EMAIL.fullmatch(value.strip()):
        local, _, host = value.strip().rpartition("@")
        return f"{local}@{host.lower()}"
    fields.fault(name, "must be a mail address, e.g. accounts@acme.example" + but_is(value))
    return None


def read_phone(fields: Fields, name: str = "phone") -> str | None:
    """A telephone number with 7 to 15 digits; None when there is none."""
    value = fields.take(name)
    if value is None:
        return None
    if isinstance(value, str) and _PHONE.fullmatch(value.strip()) and 7 <= sum(map(str.isdigit, value)) <= 15:
        return value.strip()
    fields.fault(name, f"must be a telephone number of 7 to 15 digits, e.g. '+91 80 4567 8900', not {shown(value)}")
    return None


def read_upper(fields: Fields, name: str) -> str | None:
    """A register's number as it is kept: without spaces around it, in capital letters; None when there is none."""
    value: Any = fields.take(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        fields.fault(name, f"must be a text in quotes, not {shown(value)}")
        return None
    return value.strip().upper()


def _is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN") or character in "ªº"
