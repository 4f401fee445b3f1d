"""Contacts of a customer: who to turn to about what, and how each kind of notice goes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.customers.plain_text import read_email, read_phone, read_text
from domain.errors import Faults
from domain.fields import Fields, but_is, guess

CONTACTS_MAX: Final = 50


class Role(StrEnum):
    """What a contact is to be asked or told about."""

    BILLING = "billing"
    TECHNICAL = "technical"
    FINANCE = "finance"
    OWNER = "owner"


class NoticeKind(StrEnum):
    """What customers are told about."""

    INVOICE_ISSUED = "invoice_issued"
    PAYMENT_DUE = "payment_due"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_FAILED = "payment_failed"
    BALANCE_LOW = "balance_low"
    BALANCE_EXHAUSTED = "balance_exhausted"
    SERVICE_SUSPENDED = "service_suspended"
    SERVICE_RESUMED = "service_resumed"
    PLAN_CHANGED = "plan_changed"
    CONTRACT_EXPIRING = "contract_expiring"


ALWAYS_TOLD: Final = frozenset({NoticeKind.INVOICE_ISSUED, NoticeKind.SERVICE_SUSPENDED})
"""An invoice is not issued until its recipient has it, and nobody is cut off unheard: these cannot be switched off."""


class Channel(StrEnum):
    """How a notice goes out."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    WEBHOOK = "webhook"


DEFAULT_CHANNELS: Final = (Channel.EMAIL,)
"""Of a kind of notice for which nothing was chosen."""
_BY_PHONE: Final = frozenset({Channel.SMS, Channel.WHATSAPP})
Choices = Mapping[NoticeKind, tuple[Channel, ...]]


@dataclass(frozen=True, slots=True)
class Contact:
    """One person or desk."""

    name: str
    email: str
    phone: str | None
    roles: tuple[Role, ...]

    def document(self) -> dict[str, Any]:
        """The contact as it is written in a document."""
        phone = {} if self.phone is None else {"phone": self.phone}
        return {"name": self.name, "email": self.email, **phone, "roles": [str(role) for role in self.roles]}


def read_contacts(document: object, *, path: str, faults: Faults) -> tuple[Contact, ...]:
    """Contacts in their order; each mail address stands once. A fault leaves a contact out."""
    if not isinstance(document, list) or len(document) > CONTACTS_MAX:
        what = f", not {len(document):,} of them" if isinstance(document, list) else but_is(document)
        faults.add(path, f"must be a list of at most {CONTACTS_MAX} contacts{what}")
        return ()
    found: list[Contact] = []
    first_with: dict[str, int] = {}
    for place, row in enumerate(document):
        before = len(faults)
        fields = Fields(row, path=f"{path}[{place}]", faults=faults)
        if not fields.is_object:
            continue
        name, email, phone = read_text(fields, "name"), read_email(fields), read_phone(fields)
        roles = _read_roles(fields)
        fields.refuse_unknown()
        if name is None or email is None or len(faults) > before:
            continue
        earlier = first_with.setdefault(email.lower(), place)
        if earlier != place:
            fields.fault("email", f"{email} is that of {path}[{earlier}] already: give that one all the roles")
            continue
        found.append(Contact(name, email, phone, roles))
    return tuple(found)


def read_choices(document: object, *, path: str, faults: Faults, has_phone: bool) -> Choices:
    """Channels by kind of notice, only for the kinds that are chosen. No channel: not told at all."""
    fields = Fields(document, path=path, faults=faults)
    found: dict[NoticeKind, tuple[Channel, ...]] = {}
    for kind in NoticeKind:
        if fields.take(kind.value) is None:
            continue
        channels = _read_set(fields, kind.value, Channel, "channel", least=0)
        if channels == () and kind in ALWAYS_TOLD:
            fields.fault(kind, "must go out by one channel at least: it cannot be switched off")
        if not has_phone and _BY_PHONE.intersection(channels or ()):
            fields.fault(kind, "goes by phone, and there is no phone: give the customer or a contact one")
        if channels is not None:
            found[kind] = channels
    fields.refuse_unknown()
    return found


def _read_roles(fields: Fields) -> tuple[Role, ...]:
    return _read_set(fields, "roles", Role, "role", least=1) or ()


def _read_set(fields: Fields, name: str, members: type[Any], what: str, *, least: int) -> tuple[Any, ...] | None:
    """Members of an enumeration, each once, in the order of the list."""
    value = fields.take(name)
    known = [str(member) for member in members]
    if not isinstance(value, list) or not least <= len(value) <= len(known):
        fields.fault(name, f"must be a list of {what}s from {', '.join(known)}" + but_is(value))
        return None
    found: list[Any] = []
    for place, row in enumerate(value):
        if not isinstance(row, str) or row not in known:
            reason = f"must be one of {', '.join(known)}" + but_is(row) + guess(row, known, faults=fields.faults)
            fields.fault(f"{name}[{place}]", reason)
        elif members(row) not in found:
            found.append(members(row))
    return tuple(found)
