"""Places: which running totals an event adds to; one place for each account, month and combination of rates."""

from collections.abc import Iterator
from copy import copy
from datetime import date
from typing import ClassVar, Final, NamedTuple

from domain.attribution import Account
from domain.catalogue.adjustments import Adjustment
from domain.catalogue.charges import UNDER, Charge, Reset, Sharing
from domain.catalogue.effective_plan import AdjustmentRate, Rate, Rates
from domain.catalogue.meters import Aggregation, Meter

EVER: Final = date(1, 1, 1)
"""The beginning of the period of a price that is never reset."""


class TotalKey(NamedTuple):
    """What a running total is of. A price position has the same: its owner, and the first day of its period."""

    account_id: int
    service_month: date
    charge_id: int
    cell: str


class StateKey(NamedTuple):
    """What the highest, latest or distinct values of one meter are of."""

    position: TotalKey
    meter_id: int


class PartPlace:
    """Where one part of an event goes: the running total it accrues to, and the position its price is a function of."""

    __slots__ = ("charge_id", "has_position", "position_key", "total_key")
    event_count: ClassVar[int]
    """What a part adds to the number of events of its running total."""

    def __init__(self, total_key: TotalKey, position_key: TotalKey) -> None:
        self.charge_id = total_key.charge_id
        self.total_key = total_key
        self.position_key = position_key
        self.has_position = position_key is not total_key
        """Whether the price is a function of another total than the one it accrues to."""


class MeterPlace(NamedTuple):
    """What a meter reads off an event is a value of this; `name` says it as a text, to be digested with the value."""

    meter: Meter
    key: StateKey
    name: str
    rate: Rate


def _metered(rate: Rate, meter: Meter, position: TotalKey) -> MeterPlace:
    owner_id, period_start, charge_id, cell = position
    name = f"{owner_id}/{period_start}/{charge_id}/{meter.meter_id}/{cell}\0"
    return MeterPlace(meter, StateKey(position, meter.meter_id), name, rate)


class UsagePlace(PartPlace):
    """Where what a charge makes of an event goes."""

    __slots__ = ("amount_micros", "meters", "per_event", "rate", "sums_quantity")
    event_count = 1

    def __init__(self, account: Account, rate: Rate, *, service_month: date) -> None:
        key = TotalKey(account.account_id, service_month, rate.charge.charge_id, rate.cell.name)
        super().__init__(key, _position_key(account, rate.charge, key))
        self.rate = rate
        self.amount_micros = rate.cell.tariff.amount_micros
        self.per_event = rate.cell.tariff.per_event
        self.sums_quantity = len(rate.meters) == 1 and rate.meters[0].takes_quantity
        """Whether its quantity is the sum of what events report."""
        self.meters = () if self.sums_quantity else tuple(_metered(rate, meter, self.position_key) for meter in rate.meters)
        """Those that read something off an event; none where it takes the reported quantity."""


class AdjustmentPlace(PartPlace):
    """Where what an adjustment makes of an event goes."""

    __slots__ = ("amount_micros", "counted", "rate")
    event_count = 0
    """How many events bring money depends on their order (the first of a package does), so adjustments count none."""
    per_event = False

    def __init__(self, account: Account, rate: AdjustmentRate, *, service_month: date) -> None:
        key = TotalKey(account.account_id, service_month, rate.adjustment.charge_id, rate.cell_name)
        super().__init__(key, _position_key(account, rate.adjustment, key))
        self.rate = rate
        self.amount_micros = rate.adjustment.amount_micros
        self.counted = rate.counted
        """Which of the parts before it bring the money it is a function of."""


class Place:
    """Where the parts of an event go, worked out once for all events alike."""

    __slots__ = (
        "_paid_by",
        "account",
        "adjustments",
        "amount_micros",
        "first",
        "is_simple",
        "meters",
        "rates",
        "reads_numbers",
        "total_key",
        "usage",
        "wallet_id",
    )

    def __init__(self, account: Account, rates: Rates, *, service_month: date) -> None:
        self.account = account
        self.rates = rates
        self.wallet_id = account.wallet_id
        self._paid_by: dict[int, Place] = {}
        """The same place with another wallet."""
        self.usage = tuple(UsagePlace(account, rate, service_month=service_month) for rate in rates.usage)
        self.adjustments = tuple(AdjustmentPlace(account, rate, service_month=service_month) for rate in rates.adjustments)
        self.first = self.usage[0]
        self.meters = tuple(meter for part in self.usage for meter in part.meters)
        """All that read something off an event, in the order of the parts."""
        self.reads_numbers = any(meter.meter.aggregation is not Aggregation.UNIQUE for meter in self.meters)
        self.total_key = self.first.total_key
        """Of the first part, which stands with the event."""
        self.is_simple = rates.is_simple
        self.amount_micros = rates.usage[0].cell.tariff.amount_micros
        """The price of the first part."""

    def paid_by(self, wallet_id: int) -> "Place":
        """The place of events alike that another wallet pays for; the same object for all of them."""
        if wallet_id == self.wallet_id:
            return self
        place = self._paid_by.get(wallet_id)
        if place is None:
            place = copy(self)
            place.wallet_id = wallet_id
            place = self._paid_by.setdefault(wallet_id, place)
        return place

    def parts(self) -> Iterator[PartPlace]:
        """Usage and adjustments."""
        yield from self.usage
        yield from self.adjustments


def place_of(account: Account, rates: Rates, *, time_micros: int) -> Place:
    """The place of an event of an account; the same object for all events alike."""
    month = account.month_at(time_micros)
    place: Place | None = month.places.get(rates)
    if place is None:
        place = month.places.setdefault(rates, Place(account, rates, service_month=month.first_day))
    return place


def _position_key(account: Account, item: Charge | Adjustment, key: TotalKey) -> TotalKey:
    if item.reset is Reset.MONTH and item.shared is Sharing.ACCOUNT:
        return key
    owner = account.root_id if item.shared is Sharing.ACCOUNT_TREE else account.account_id
    # A wider position goes on when an adjustment comes or goes: it begins anew only with its period.
    return TotalKey(owner, period_start(key.service_month, item.reset), item.charge_id, key.cell.split(UNDER)[0])


def period_start(service_month: date, reset: Reset) -> date:
    """The first day of the period a service month lies in."""
    if reset is Reset.MONTH:
        return service_month
    if reset is Reset.QUARTER:
        return service_month.replace(month=(service_month.month - 1) // 3 * 3 + 1)
    return service_month.replace(month=1) if reset is Reset.YEAR else EVER
