"""What a what-if needs from the world; nothing of it writes."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from domain.attribution import RatingConfig
from domain.catalogue.meters import Meter
from invoicing.fee_ports import FeeAccount
from invoicing.raw_usage_ports import RawUsageReader, Slot, Telling


class Past(Protocol):
    """Accounts and their usage, as of one instant."""

    @property
    def config(self) -> RatingConfig:
        """What workers rate with."""

    def meters(self) -> Mapping[str, Meter]:
        """The published meters by code."""

    def subscribed(self, plan_code: str) -> Sequence[int]:
        """Ids of accounts that are, or were, on any version of a plan. Raises NotFound for a plan there is not."""

    def booked(self, account_ids: Sequence[int], first: date, last: date) -> Mapping[int, int]:
        """What usage and adjustments of the months came to as booked, in micros by account."""

    def fees(self, account_ids: Sequence[int]) -> Sequence[FeeAccount]:
        """Some accounts with their terms about fees over time, and their usage if a commitment counts it."""

    def usage(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> AbstractContextManager[RawUsageReader]:
        """Raw usage."""


class PastRoom(Protocol):
    """Where the past is kept."""

    def open(self) -> AbstractContextManager[Past]:
        """See everything as of now, for as long as the room is open."""
