"""What wallets must hold, on paper: amounts from what was sent and given only, in the order in which the ledger has them.

Which of a debit, a credit and an expiry came first is up to the machine, and decides which lot each one uses. So the ledger
is asked for the order, and for nothing else.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from tests.drill.logged_producer import SentRecord
from tests.drill.wallets.office import Given
from tests.drill.wallets.world import ACCOUNTS, OPENING_MICROS, PRICE_MICROS, alias_of, code_of
from tests.wallet_model import PaperWallet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINOR = 10_000
_RATE = Fraction(9, 118)
"""Each of CGST and SGST as a part of what is paid with both in it."""


@dataclass
class Payments:
    """What becomes of payment events, by the log of their records."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many events ended how when they were received."""
    applied: dict[str, str] = field(default_factory=dict)
    """By event id: credited, refunded, charged_back, noted, or why it waits."""
    credits: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By payment: account and micros credited."""
    of_return: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By event id, cause and reference of the refund or dispute it tells. Which of several events is applied and which are
    noted is up to when those that wait are tried again."""
    returns: dict[tuple[str, str], tuple[str, str, int]] = field(default_factory=dict)
    """By cause and reference: account, payment, and micros taken out."""

    @classmethod
    def of(cls, log: Sequence[SentRecord]) -> "Payments":
        """Read the records in the order of their partitions; an account's are all in one."""
        self = cls()
        accepted = self._receive(record.value for record in sorted(log))
        known = {code_of(number) for number in range(ACCOUNTS)}
        paid: dict[str, int] = {}
        for event in accepted:
            if _kind(event) == "captured":
                self._capture(event, known, paid)
        back: Counter[str] = Counter()
        for event in accepted:
            if _kind(event) in ("refunded", "disputed"):
                self._give_back(event, paid, back)
            elif _kind(event) == "failed":
                self.applied[event["id"]] = "noted"
        return self

    def _receive(self, values: Iterable[bytes]) -> list[dict[str, Any]]:
        bodies: dict[str, tuple[Any, ...]] = {}
        accepted = []
        for value in values:
            event = json.loads(value)
            amount = event["data"]["amount_minor"]
            if type(amount) is not int or not 0 < amount <= 10**15:
                self.outcomes["dead_lettered"] += 1
                continue
            body = (event["type"], event["subject"], event["data"])
            if event["id"] in bodies:
                self.outcomes["duplicate" if bodies[event["id"]] == body else "conflict"] += 1
                continue
            bodies[event["id"]] = body
            self.outcomes["accepted"] += 1
            accepted.append(event)
        return accepted

    def _capture(self, event: dict[str, Any], known: set[str], paid: dict[str, int]) -> None:
        data, account = event["data"], event["subject"]
        payment, amount = data["reference"], data["amount_minor"]
        if payment in paid:
            self.applied[event["id"]] = "noted" if paid[payment] == amount else "other_amount"
        elif account not in known:
            self.applied[event["id"]] = "not_prepaid" if account.startswith("D") else "unknown_account"
        elif data["currency"] != "INR":
            self.applied[event["id"]] = "other_currency"
        else:
            self.applied[event["id"]] = "credited"
            paid[payment] = amount
            self.credits[payment] = (account, (amount - 2 * _round(amount * _RATE)) * _MINOR)

    def _give_back(self, event: dict[str, Any], paid: Mapping[str, int], back: Counter[str]) -> None:
        data = event["data"]
        cause = "refund" if _kind(event) == "refunded" else "chargeback"
        key, payment, amount = (cause, data["reference"]), data["payment"], data["amount_minor"]
        self.of_return[event["id"]] = key
        if key in self.returns:
            self.applied[event["id"]] = "noted"
        elif payment not in paid:
            self.applied[event["id"]] = "no_such_payment"
        elif back[payment] + amount > paid[payment]:
            self.applied[event["id"]] = "too_much"
        else:
            before, after, whole = back[payment], back[payment] + amount, paid[payment]
            tax = _round(whole * _RATE)
            part = _round(Fraction(tax * after, whole)) - _round(Fraction(tax * before, whole))
            back[payment] = after
            self.applied[event["id"]] = "refunded" if cause == "refund" else "charged_back"
            self.returns[key] = (self.credits[payment][0], payment, (amount - 2 * part) * _MINOR)


def _kind(event: Mapping[str, Any]) -> str:
    return str(event["type"]).rpartition(".")[2]


def _round(value: Fraction) -> int:
    """Half away from zero; never below zero here."""
    return int(value + Fraction(1, 2))


@dataclass(frozen=True)
class Entry:
    """A row of the ledger as far as paper asks for it: place, cause and moment; then what it is compared with."""

    account: str
    version: int
    cause: str
    reference: str
    booked_at: datetime
    amount_micros: int
    balance_micros: int


@dataclass
class Paper:
    """Every wallet, filled in entry by entry."""

    payments: Payments
    given: Mapping[str, Given]
    messages: Mapping[str, tuple[str, int]]
    """By event id, whose messages it says were sent, and how many."""
    wallets: dict[str, PaperWallet] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Entries that are not as on paper."""
    booked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each cause and reference was met, usage and expiries left out."""

    def book(self, entry: Entry, *, events: Sequence[str], lot: tuple[str, str] | None) -> None:
        """Book the next entry of a wallet. `events`: of its batch; `lot`: cause and reference of the one that expires."""
        wallet = self.wallets.setdefault(entry.account, PaperWallet())
        wallet.hour = (entry.booked_at - _EPOCH) // (datetime.resolution)
        before = wallet.balance
        self._move(wallet, entry, events, lot)
        found = (entry.amount_micros, entry.balance_micros)
        if found != (wallet.balance - before, wallet.balance):
            self.wrong.append(f"{entry} instead of {wallet.balance - before} to {wallet.balance}")

    def never_booked(self) -> list[str]:
        """Credits and returns that should be in the ledger and are not, and those that are there twice or for nothing."""
        wanted = {("top_up", f"razorpay {payment}") for payment in self.payments.credits}
        wanted |= {(cause, f"razorpay {reference}") for cause, reference in self.payments.returns}
        wanted |= {(_cause_of(given), reference) for reference, given in self.given.items()}
        found = {key: times for key, times in self.booked.items() if key != ("top_up", "opening")}
        differing = [key for key in wanted | found.keys() if found.get(key, 0) != (1 if key in wanted else 0)]
        return [f"{cause} {reference} is booked {found.get((cause, reference), 0)} times" for cause, reference in differing]

    def lots(self) -> dict[tuple[str, str], int]:
        """By account and the name of a lot, what is left of it."""
        return {(account, lot.name): lot.left for account, wallet in self.wallets.items() for lot in wallet.credits}

    def credited(self) -> dict[str, int]:
        """By account, micros that are left or were used: what came in, less what went out otherwise than by usage."""
        found = {account: wallet.balance for account, wallet in self.wallets.items()}
        for account, messages in self.messages.values():
            found[account] = found.get(account, 0) + messages * PRICE_MICROS
        return found

    def _move(self, wallet: PaperWallet, entry: Entry, events: Sequence[str], lot: tuple[str, str] | None) -> None:
        key = (entry.cause, entry.reference)
        name = entry.reference.removeprefix("razorpay ")
        if entry.cause == "usage":
            wallet.use(sum(self.messages.get(event, ("", 0))[1] for event in events) * PRICE_MICROS)
            return
        if entry.cause == "expiry":
            wallet.void(lot_name(*lot) if lot else entry.reference)
            return
        self.booked[key if entry.reference != "opening" else ("top_up", "opening")] += 1
        if key == ("top_up", "opening"):
            wallet.add("opening", "paid", OPENING_MICROS)
        elif entry.cause == "top_up" and name in self.payments.credits:
            wallet.add(name, "paid", self.payments.credits[name][1])
        elif (entry.cause, name) in self.payments.returns:
            _, payment, micros = self.payments.returns[entry.cause, name]
            wallet.give_back(payment, micros)
        elif name in self.given:
            given = self.given[name]
            void_from = None if given.void_from is None else (given.void_from - _EPOCH) // datetime.resolution
            wallet.add(name, given.kind, given.micros, void_from)
        else:
            self.wrong.append(f"{entry}: nobody sent or gave that")


def lot_name(cause: str, reference: str) -> str:
    """How paper calls the lot that an entry made."""
    return reference.removeprefix("razorpay ") if cause == "top_up" else reference


def messages_of(log: Sequence[SentRecord]) -> dict[str, tuple[str, int]]:
    """By event id, whose account each event of the senders is of, and how many messages it says."""
    accounts = {alias_of(number): code_of(number) for number in range(ACCOUNTS)}
    found = {}
    for record in log:
        event = json.loads(record.value)
        found[event["id"]] = (accounts[event["subject"]], event["data"]["quantity"])
    return found


def _cause_of(given: Given) -> str:
    return "promotion" if given.kind == "promotional" else "grant"
