"""What the books must say, from the producer's log alone, by the reference model that shares no code with the system."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.drill import world
from tests.drill.logged_producer import SentRecord
from tests.drill.wallets import world as wallets
from tests.reference_model import ReferenceModel, Standing

_EVER = (-(2**62), 2**62)


class Expected:
    """The model after every sent record, with every alias mapped as it is in the end.

    A late alias makes no difference to money: its events wait, are released, and are rated once. All copies of an event are
    in one partition, so partition by partition is an order in which the system may have booked them.
    """

    def __init__(self, log: Sequence[SentRecord], *, credited: Mapping[str, int]) -> None:
        """`credited`: micros by account of the wallets' world, what was taken out again left out."""
        self._model = ReferenceModel(_terms(credited))
        for record in sorted(log):
            self._model.book(record.value, record.received_micros)
        self.outcomes = self._model.outcomes
        self.events = self.outcomes.total()

    def account_of(self) -> dict[str, str]:
        """Every event that must be rated, by its id, and whose it is."""
        account = {alias: spans[0][2] for alias, spans in self._model.terms["aliases"].items()}
        return {event_id: account[body[1]] for ((_, event_id), _), body in self._model.rated.items()}

    def standings(self) -> dict[str, Standing]:
        """Every account's quantity, charge and balance."""
        return {code: self._model.standing(code) for code in self._model.terms["accounts"]}


def _terms(credited: Mapping[str, int]) -> dict[str, Any]:
    prices = {charge["meter"]: charge["price"] for charge in world.PLAN["charges"]}
    own = {world.alias_of(number): world.code_of(number) for number in range(world.ACCOUNTS)}
    late = {alias: world.account_of_late_alias(alias) for alias in world.LATE_ALIASES}
    prepaid = {wallets.alias_of(number): wallets.code_of(number) for number in range(wallets.ACCOUNTS)}
    return {
        "meters": set(prices),
        "aliases": {alias: [(*_EVER, code)] for alias, code in {**own, **late, **prepaid}.items()},
        "accounts": {
            code: {
                "opening_micros": credited.get(code, 0),
                "time_zone": "Asia/Kolkata",
                "plans": [(*_EVER, "wallets v1", {"otp.delivered": wallets.PRICE})],
            }
            for code in prepaid.values()
        }
        | {
            world.code_of(number): {
                "opening_micros": world.TOP_UP_MICROS if world.is_prepaid(number) else 0,
                "time_zone": "Asia/Kolkata",
                "plans": [(*_EVER, "drill v1", prices)],
            }
            for number in range(world.ACCOUNTS)
        },
    }
