"""Sweep the cache: compare every wallet and standing in it with the books, and put right what differs.

Safe under load. Something that is behind may only be on its way, and being told it twice is harmless. Something that is
ahead of what was read may have been booked since, so it is read again before it counts as wrong; wrong it is only after the
books were restored from an older copy, and then it is forgotten first, because an older version never overwrites a newer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from invoicing.books_ports import CachedBalance
from invoicing.hold_ports import CachedStanding, Credit
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found and put right."""

    compared: int
    missing: int
    """Not in the cache at all."""
    behind: int
    ahead: int
    """Of a version the books do not have."""
    different: int
    """Of the books' version, and yet not the same."""
    reservations_mended: int


class SweptBooks(Protocol):
    """The truth."""

    def all_credit(self) -> Sequence[Credit]:
        """Every wallet with its owner's standing."""

    def credit(self, account_ids: Sequence[int]) -> Mapping[int, Credit]:
        """Some of them, by the owner's account id."""


class SweptCache(Protocol):
    """The copy."""

    def read(self, account_ids: Sequence[int]) -> Mapping[int, CachedBalance]:
        """Balances by account id; absent where there is none."""

    def read_standings(self, account_ids: Sequence[int]) -> Mapping[int, CachedStanding]:
        """Standings by account id; absent where there is none."""

    def put(self, balances: Sequence[Balance]) -> object:
        """Take over balances; an older version changes nothing."""

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Take over standings; an older version changes nothing."""

    def forget(self, account_ids: Sequence[int]) -> None:
        """Let go of balances and standings, not of reservations."""


class MendableHolds(Protocol):
    """Where reservations live."""

    def mend(self, account_ids: Sequence[int]) -> int:
        """End the holds that are over and add up the others anew; for how many wallets the sum was another."""


def sweep_cache(books: SweptBooks, cache: SweptCache, holds: MendableHolds) -> Swept:
    """Compare and put right. Raises EngineUnavailable; what was put right until then stays so."""
    by_account = {credit.balance.account_id: credit for credit in books.all_credit()}
    account_ids = list(by_account)
    verdicts = _verdicts(by_account, cache)
    ahead = [account_id for account_id, verdict in verdicts.items() if verdict == "ahead"]
    if ahead:
        now = books.credit(ahead)
        by_account |= now
        verdicts |= dict.fromkeys(ahead, "") | _verdicts(now, cache)
    wrong = [account_id for account_id, verdict in verdicts.items() if verdict in ("ahead", "different")]
    if wrong:
        cache.forget(wrong)
    stale = [by_account[account_id] for account_id, verdict in verdicts.items() if verdict]
    cache.put([credit.balance for credit in stale])
    cache.put_standings([credit.standing for credit in stale])
    found = list(verdicts.values())
    return Swept(
        compared=len(by_account),
        missing=found.count("missing"),
        behind=found.count("behind"),
        ahead=found.count("ahead"),
        different=found.count("different"),
        reservations_mended=holds.mend(account_ids),
    )


def _verdicts(by_account: Mapping[int, Credit], cache: SweptCache) -> dict[int, str]:
    """What is to be said of each account in the cache: nothing where it is as the books have it."""
    account_ids = list(by_account)
    balances, standings = cache.read(account_ids), cache.read_standings(account_ids)
    verdicts: dict[int, str] = {}
    for account_id, credit in by_account.items():
        balance, standing = balances.get(account_id), standings.get(account_id)
        if balance is None or standing is None:
            verdicts[account_id] = "missing"
        elif balance.version > credit.balance.version or standing.version > credit.standing.version:
            verdicts[account_id] = "ahead"
        elif balance.version < credit.balance.version or standing.version < credit.standing.version:
            verdicts[account_id] = "behind"
        else:
            same = balance.balance_micros == credit.balance.balance_micros and standing == credit.standing
            verdicts[account_id] = "" if same else "different"
    return verdicts
