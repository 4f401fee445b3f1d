"""What an explanation needs from the books."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from domain.invoice.due_usage import Billed
from domain.money import Currency


@dataclass(frozen=True, slots=True)
class ExplainedCharge:
    """A charge, and what it is of."""

    billed: Billed
    kind: str
    owner: str
    """ "otp-india v1", or the code of a contract."""
    is_contract: bool


@dataclass(frozen=True, slots=True)
class BookedPart:
    """A part as it was booked, with its position before it; quantities in millionths, of adjustments in micros."""

    charge: ExplainedCharge
    price_cell: str
    kind: str
    """part, reversal, replacement or repricing."""
    batch_id: int
    metered_millionths: int
    amount_micros: int
    position: str
    """Whose and of which time: "2026-10 of acme"."""
    before_millionths: int
    before_micros: int
    batch_millionths: int
    """What all of its batch added to the position."""
    batch_micros: int


@dataclass(frozen=True, slots=True)
class BookedCharge:
    """An event as it was booked, with all its parts in the order they were."""

    event_id: str
    source: str
    event_type: str
    event_time: datetime
    alias: str
    account: str
    paid_by: str
    currency: Currency
    time_zone: str
    quantity_millionths: int
    properties: Mapping[str, Any]
    config_version: int
    booked_at: datetime
    parts: Sequence[BookedPart]


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A line of an issued invoice, with what earlier invoices took from the same running total."""

    invoice: str
    line_number: int
    account: str
    currency: Currency
    service_month: date
    charge: ExplainedCharge
    price_cell: str
    quantity_millionths: int
    amount_micros: int
    amount_minor: int
    event_count: int
    before_millionths: int
    before_micros: int
    is_whole: bool
    """Whether the running total is all its price is a function of; otherwise its position is wider."""


class ExplanationFacts(Protocol):
    """Where they are kept."""

    def event(self, event_id: str, *, source: str) -> Sequence[BookedCharge]:
        """Each time the event was booked: once, or again with an event time over a day apart. Raises NotFound."""

    def line(self, number: str, line_number: int) -> BookedLine:
        """A line of an issued invoice. Raises NotFound."""
