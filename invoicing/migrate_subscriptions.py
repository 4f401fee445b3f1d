"""Migrate subscriptions to another version of their plan, or to another plan: one by one or in bulk, with a preview.

Publishing a version moves nobody: who is not migrated keeps the version it has. A migration interrupted half-way has moved
whole accounts, and called again it moves the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain import subscriptions as rules
from domain.errors import BillingError
from domain.fee_terms import FeeSegment, FeeTerms, fee_spans, on_other_terms
from domain.fees import fees_until
from domain.money import Currency
from domain.subscriptions import PlanChoice, Subscriptions
from invoicing.administration_ports import Administration, AdministrationStore, Author
from invoicing.agree_discounts import clashes_of_changes
from invoicing.change_subscription import NOW, PlanReference, Timing, write_change
from invoicing.fee_ports import FeeAccount, FeeBooks

_ACTION: Final = "subscription.migrated"
_MOVED: Final = 50
"""Accounts moved in one transaction: batches wait for it, so it closes within some 100 ms."""
_LOOKED_AT: Final = 500
_YEAR: Final = timedelta(days=365)
_MICROSECOND: Final = timedelta(microseconds=1)
_ENOUGH: Final = 10**18
"""Micros no commitment asks for."""


@dataclass(frozen=True, slots=True)
class MigrationOrder:
    """Who is to be moved where, and when."""

    plan: PlanReference
    accounts: Sequence[str] | None = None
    """Codes; None: everybody on another version of the plan."""
    timing: Timing = NOW


@dataclass(frozen=True, slots=True)
class Effect:
    """Money of one account before and after a migration, in micros."""

    fees_before: int
    fees_after: int
    """Recurring and one-time fees that fall due in the 365 days after the change; commitments depend on usage."""
    usage_before: int | None = None
    usage_after: int | None = None
    """Past usage as it was booked, and as the other version would have priced it; None: nobody looked."""

    def __add__(self, other: "Effect") -> "Effect":
        """Of several accounts; the usage is known when it is of each."""
        return Effect(
            self.fees_before + other.fees_before,
            self.fees_after + other.fees_after,
            _sum(self.usage_before, other.usage_before),
            _sum(self.usage_after, other.usage_after),
        )


@dataclass(frozen=True, slots=True)
class Move:
    """An account that is moved, or would be."""

    account: str
    currency: Currency
    at: datetime
    plan_before: str
    effect: Effect | None = None
    events_to_rerate: int = 0
    """Events since a change that lies in the past, charged by what was in force before."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What moving accounts to a plan version came to, or would."""

    plan: PlanChoice
    moves: list[Move] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Accounts that stay where they are, each with the reason."""

    def totals(self) -> dict[Currency, tuple[int, Effect]]:
        """How many accounts are moved and what that does to their money, together; of moves with an effect."""
        sums: dict[Currency, tuple[int, Effect]] = {}
        for move in self.moves:
            if move.effect is not None:
                count, effect = sums.get(move.currency, (0, Effect(0, 0, 0, 0)))
                sums[move.currency] = (count + 1, effect + move.effect)
        return sums


UsageWhatIf = Callable[[PlanChoice, Sequence[str]], Mapping[str, tuple[int, int]]]
"""What past usage of accounts was booked as, and would have come to under a plan version; micros by account."""


def migrate_subscriptions(store: AdministrationStore, order: MigrationOrder, *, author: Author) -> Migration:
    """Move accounts to a version of a plan. Those that cannot be moved stay where they are, with the reason.

    Raises NotFound for an unknown plan.
    """
    migration, codes = _begin(store, order, author=author)
    for portion in _portions(codes, _MOVED):
        with store.begin() as transaction:
            transaction.hold_configuration()
            found = transaction.subscriptions.read_all(portion)
            moves = []
            for before, after, at in _moves(transaction, found, migration, order.timing, now=author.at):
                write_change(transaction, before, after, action=_ACTION, why=order.timing.why, author=author)
                moves.append(_move(before, at))
        migration.moves.extend(_counted(store, move, now=author.at) for move in moves)
    return migration


def preview_migration(
    store: AdministrationStore,
    fees: FeeBooks,
    order: MigrationOrder,
    *,
    author: Author,
    what_if: UsageWhatIf | None = None,
) -> Migration:
    """Who would be moved, and what that would do to their fees and their usage. Changes nothing and holds nobody up."""
    migration, codes = _begin(store, order, author=author)
    terms = fees.terms(migration.plan.plan_version_id)
    for portion in _portions(codes, _LOOKED_AT):
        with store.begin() as transaction:
            found = transaction.subscriptions.read_all(portion)
            moves = _moves(transaction, found, migration, order.timing, now=author.at)
        accounts = {one.code: one for one in fees.read(fees.ids_of([before.account for before, _, _ in moves]))}
        for before, _, at in moves:
            present = before.at(at)
            subscription_id = 0 if present is None else present.subscription_id
            effect = _effect(accounts[before.account], at, subscription_id=subscription_id, terms=terms)
            migration.moves.append(_counted(store, replace(_move(before, at), effect=effect), now=author.at))
    if what_if is not None:
        usage = what_if(migration.plan, [move.account for move in migration.moves])
        migration.moves[:] = [_with_usage(move, usage.get(move.account)) for move in migration.moves]
    return migration


def _begin(store: AdministrationStore, order: MigrationOrder, *, author: Author) -> tuple[Migration, Sequence[str]]:
    with store.begin() as transaction:
        book = transaction.subscriptions
        at = order.timing.chosen_at(now=author.at)
        choice = book.plan(order.plan.code, version=order.plan.version, at=at)
        if order.accounts is None:
            return Migration(choice), book.accounts_on(order.plan.code, but=choice, at=author.at)
    return Migration(choice), list(dict.fromkeys(order.accounts))


def _moves(
    transaction: Administration,
    found: Mapping[str, Subscriptions | BillingError],
    migration: Migration,
    timing: Timing,
    *,
    now: datetime,
) -> Sequence[tuple[Subscriptions, Subscriptions, datetime]]:
    """What each account's segments are and would be, and from when; who cannot be moved goes among the refused."""
    moves = []
    for code, before in found.items():
        try:
            if isinstance(before, BillingError):
                raise before
            when = timing.of(before, now=now)
            # Each segment says why it began.
            when = replace(when, why=timing.why or f"moved to {migration.plan.label}")
            after = rules.change(before, migration.plan, when)
        except BillingError as refusal:
            migration.refused[code] = str(refusal)
            continue
        moves.append((before, after, when.at))
    clashing = clashes_of_changes(transaction, [(before, after) for before, after, _ in moves])
    migration.refused.update(clashing)
    return [move for move in moves if move[0].account not in clashing]


def _move(before: Subscriptions, at: datetime) -> Move:
    present = before.at(at)
    return Move(before.account, before.currency, at, "" if present is None else present.plan.label)


def _counted(store: AdministrationStore, move: Move, *, now: datetime) -> Move:
    """Counting may take a while, so nothing is held meanwhile."""
    if move.at >= now:
        return move
    with store.begin() as transaction:
        events = transaction.subscriptions.events_since(move.account, move.at, now)
    return replace(move, events_to_rerate=events)


def _effect(account: FeeAccount, at: datetime, *, subscription_id: int, terms: FeeTerms) -> Effect:
    after = on_other_terms(account.segments, subscription_id=subscription_id, at=at, terms=terms)
    return Effect(_fees_of_year(account, account.segments, at), _fees_of_year(account, after, at))


def _fees_of_year(account: FeeAccount, segments: Sequence[FeeSegment], at: datetime) -> int:
    spans = fee_spans(segments, account.contracts, time_zone=account.time_zone)

    def until(moment: datetime) -> int:
        totals = fees_until(moment - _MICROSECOND, spans, time_zone=account.time_zone, spent=lambda *_: _ENOUGH)
        return sum(total.amount_micros for total in totals.values())

    return until(at + _YEAR) - _fees_before(account, at)


def _fees_before(account: FeeAccount, at: datetime) -> int:
    """By the terms there are: what another version gives back of them is an effect of the change."""
    spans = fee_spans(account.segments, account.contracts, time_zone=account.time_zone)
    totals = fees_until(at - _MICROSECOND, spans, time_zone=account.time_zone, spent=lambda *_: _ENOUGH)
    return sum(total.amount_micros for total in totals.values())


def _sum(one: int | None, two: int | None) -> int | None:
    return None if one is None or two is None else one + two


def _with_usage(move: Move, usage: tuple[int, int] | None) -> Move:
    if usage is None or move.effect is None:
        return move
    before, after = usage
    return replace(move, effect=replace(move.effect, usage_before=before, usage_after=after))


def _portions(codes: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(codes), size):
        yield codes[start : start + size]
