"""Applying payments in PostgreSQL: one at a time, each with its lot, its voucher and its mark in one transaction.

Locks are taken in the order everybody takes them: the turn of payments, the wallet, the number series, the audit trail.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.advance_tax import advance_tax
from connectors.postgres.database import transaction
from connectors.postgres.notices import tell
from connectors.postgres.vouchers import add_voucher, the_seller
from domain.advances import Advance
from domain.errors import InvalidInput, NotFound
from domain.money import MICROS_PER_MINOR, Currency
from domain.payments import PaymentType
from domain.tax.gst import TaxDecision
from domain.tax.states import Head
from domain.top_up_rules import AttemptState
from domain.top_ups import Applied, KnownTopUp, PayingAccount, PaymentFact, Waits
from invoicing.metering_ports import Balance
from invoicing.top_up_ports import AnsweredRequest, BankTransfer, Moved, Voucher, WaitingPayment
from invoicing.watch_ports import Message

_TURN: Final = text("SELECT pg_advisory_xact_lock(hashtext('apply payments'))")
_FIELDS: Final = """
SELECT e.payment_event_id, e.type, e.subject, e.gateway, e.reference, coalesce(e.data ->> 'payment', e.reference) AS payment,
       e.amount_minor, e.currency, e.data ->> 'reason' AS failure,
       CASE WHEN e.data ->> 'request' ~ '^[0-9]{1,18}$' THEN CAST(e.data ->> 'request' AS bigint) END AS request
FROM payment_event e LEFT JOIN payment_application a USING (payment_event_id)
"""
# Events are stored by one transaction at a time, so their ids are in the order in which they were committed.
_UNTRIED: Final = "WHERE e.payment_event_id > (SELECT coalesce(max(payment_event_id), 0) FROM payment_application)"
_NEW: Final = text(f"{_FIELDS} {_UNTRIED} AND e.payment_event_id > :after ORDER BY 1 LIMIT :limit")
_WAITING: Final = text(f"{_FIELDS} WHERE a.outcome = 'waiting' AND e.payment_event_id > :after ORDER BY 1 LIMIT :limit")
_ACCOUNT: Final = text("""
SELECT currency, mode, status, pay_from_account_id = account_id AS pays_itself FROM account WHERE code = :code
""")
_TOP_UP: Final = text("""
SELECT a.code, t.paid_minor, t.taxable_minor, t.taxes, t.currency, t.given_back_minor
FROM top_up t JOIN account a USING (account_id) WHERE gateway = :gateway AND payment = :payment FOR UPDATE OF t
""")
_GIVEN_BACK: Final = text(
    "SELECT amount_minor FROM top_up_return WHERE gateway = :gateway AND reference = :reference AND kind = :kind"
)
_BUYER: Final = text("""
SELECT c.legal_name, c.country, c.gstin, c.state_code, c.tax_category, c.export, c.address_lines
FROM account a JOIN customer c USING (customer_id) WHERE a.code = :code
""")
_LOCK_WALLET: Final = text("""
SELECT w.wallet_id, a.account_id FROM wallet w JOIN account a USING (account_id) WHERE a.code = :code
FOR NO KEY UPDATE OF w
""")
# The cast says that a number is too large; without it no function would be found for one.
_MOVE: Final = text("""
SELECT m.wallet_id, w.account_id, m.balance_after_micros, m.version
FROM move_wallet(:wallet_id, CAST(:micros AS bigint), :cause, :reference, :booked_at) m JOIN wallet w USING (wallet_id)
""")
_ADD_TOP_UP: Final = text("""
INSERT INTO top_up
    (account_id, wallet_id, gateway, payment, currency, paid_minor, taxable_minor, taxes, credited_at, lot_id)
SELECT :account_id, :wallet_id, :gateway, :payment, :currency, :paid_minor, :taxable_minor, CAST(:taxes AS jsonb),
    :booked_at,
    (SELECT lot_id FROM credit_lot WHERE wallet_id = :wallet_id AND cause = 'top_up' AND reference = :reference)
RETURNING top_up_id
""")
_GIVE_BACK: Final = text("""
UPDATE top_up SET given_back_minor = given_back_minor + :amount_minor WHERE gateway = :gateway AND payment = :payment
RETURNING top_up_id, account_id, wallet_id, lot_id
""")
_ADD_RETURN: Final = text("""
INSERT INTO top_up_return (gateway, reference, kind, top_up_id, amount_minor, taxable_minor, booked_at)
VALUES (:gateway, :reference, :kind, :top_up_id, :amount_minor, :taxable_minor, :booked_at)
""")
_LOCK_BY_ID: Final = text("SELECT wallet_id FROM wallet WHERE wallet_id = :wallet_id FOR NO KEY UPDATE")
_TAKE_FROM_LOT: Final = text("""
SELECT take_from_lot(lot_id, least(remaining_micros, :micros), :booked_at) FROM lot_balance
WHERE lot_id = :lot_id AND remaining_micros > 0
""")
# Money that arrived after all counts, also when the request was given up; nothing undoes a capture.
_ANSWER: Final = text("""
UPDATE top_up_request r SET state = :state, closed_at = :now, payment_event_id = :event,
    reason = CASE WHEN :state = 'failed' THEN CAST(:reason AS text) END
FROM account a WHERE r.request_id = :request AND a.account_id = r.account_id AND a.code = :account
    AND (r.state = 'in_flight' OR (r.state = 'failed' AND :state = 'captured'))
RETURNING r.request_id, r.method, r.charge_minor, r.currency
""")
_CLOSE: Final = text("""
INSERT INTO payment_application (payment_event_id, outcome, reason, tried_at) VALUES (:event, :outcome, :reason, :tried_at)
ON CONFLICT (payment_event_id) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
    tried_at = excluded.tried_at WHERE payment_application.outcome = 'waiting'
""")


_SAME_TRANSFER: Final = text("SELECT bank_transfer_id FROM bank_transfer WHERE reference = :reference")
_ENTER_TRANSFER: Final = text("""
INSERT INTO bank_transfer (account_id, reference, amount_minor, entered_by, entered_at)
SELECT account_id, :reference, :amount_minor, :by, :at FROM account WHERE code = :account RETURNING bank_transfer_id
""")
_TRANSFER: Final = text("""
SELECT a.code, a.currency, t.reference, t.amount_minor, t.entered_by, t.decided_by
FROM bank_transfer t JOIN account a USING (account_id) WHERE bank_transfer_id = :number FOR UPDATE OF t
""")
_CLOSE_TRANSFER: Final = text("""
UPDATE bank_transfer SET confirmed = :confirmed, decided_by = :by, decided_at = :at WHERE bank_transfer_id = :number
""")
_LIST: Final = {
    "waiting": text("""
SELECT e.payment_event_id AS event, e.type, e.subject AS account, e.gateway, e.reference, e.amount_minor, e.currency,
       p.reason, p.tried_at
FROM payment_application p JOIN payment_event e USING (payment_event_id) WHERE p.outcome = 'waiting' ORDER BY 1
"""),
    "transfers": text("""
SELECT t.bank_transfer_id AS number, a.code AS account, t.reference, t.amount_minor, t.entered_by, t.entered_at,
       t.decided_by, t.confirmed
FROM bank_transfer t JOIN account a USING (account_id) ORDER BY 1 DESC LIMIT 200
"""),
    "vouchers": text("""
SELECT v.number, v.kind, a.code AS account, v.currency, v.total_minor, v.taxable_minor, v.taxes, v.issue_date
FROM voucher v JOIN account a USING (account_id) ORDER BY v.issue_date DESC, v.number DESC LIMIT 200
"""),
}


class PostgresTopUps:
    """The truth about payments, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator["PostgresTopUpTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
        with transaction(self._engine) as connection:
            yield PostgresTopUpTransaction(connection)

    def listed(self, what: str) -> Sequence[Mapping[str, Any]]:
        """Rows for people to look at: `waiting` payments, `transfers` or `vouchers`."""
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(_LIST[what])]


class PostgresTopUpTransaction:
    """One payment's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_payments(self, *, after: int, limit: int, waiting: bool) -> Sequence[WaitingPayment]:
        """Payment events that were not tried yet, in order; with `waiting`, those that wait. Takes the turn of payments."""
        self._connection.execute(_TURN)
        rows = self._connection.execute(_WAITING if waiting else _NEW, {"after": after, "limit": limit})
        return [
            WaitingPayment(
                row.payment_event_id,
                PaymentFact(
                    PaymentType(row.type),
                    row.subject,
                    row.gateway,
                    row.reference,
                    row.payment,
                    row.amount_minor,
                    Currency(row.currency),
                ),
                row.request,
                row.failure,
            )
            for row in rows
        ]

    def account(self, code: str) -> PayingAccount | None:
        """What is known of an account."""
        row = self._connection.execute(_ACCOUNT, {"code": code}).one_or_none()
        if row is None:
            return None
        return PayingAccount(Currency(row.currency), row.mode == "prepaid", row.status == "closed", row.pays_itself)

    def top_up(self, gateway: str, payment: str) -> KnownTopUp | None:
        """A payment that was credited before, locked."""
        row = self._connection.execute(_TOP_UP, {"gateway": gateway, "payment": payment}).one_or_none()
        if row is None:
            return None
        taxes = tuple((Head(head), minor) for head, minor in row.taxes)
        advance = Advance(row.paid_minor, row.taxable_minor, taxes)
        return KnownTopUp(row.code, advance, Currency(row.currency), row.given_back_minor)

    def returned_minor(self, gateway: str, reference: str, kind: str) -> int | None:
        """What a refund or dispute gave back; None when it was not applied before."""
        wanted = {"gateway": gateway, "reference": reference, "kind": kind}
        minor = self._connection.execute(_GIVEN_BACK, wanted).scalar()
        return None if minor is None else int(minor)

    def decide_tax(self, account: str, *, on: date) -> TaxDecision:
        """How an advance of an account is taxed. Raises InvalidInput, TaxProfileIncomplete, WrongSetup."""
        buyer = self._connection.execute(_BUYER, {"code": account}).one()
        return advance_tax(buyer, the_seller(self._connection), on=on)

    def credit(self, fact: PaymentFact, advance: Advance, *, voucher: Voucher, booked_at: datetime) -> Moved:
        """Credit a payment, with its lot and its receipt voucher."""
        wallet = self._connection.execute(_LOCK_WALLET, {"code": fact.account}).one()
        reference = f"{fact.gateway} {fact.payment}"
        balance = self._move(wallet.wallet_id, advance.credit_micros, "top_up", reference, booked_at)
        top_up = {
            "account_id": wallet.account_id,
            "wallet_id": wallet.wallet_id,
            "gateway": fact.gateway,
            "payment": fact.payment,
            "currency": fact.currency.value,
            "paid_minor": advance.paid_minor,
            "taxable_minor": advance.taxable_minor,
            "taxes": json.dumps(advance.taxes),
            "reference": reference,
            "booked_at": booked_at,
        }
        top_up_id = self._connection.execute(_ADD_TOP_UP, top_up).scalar_one()
        number = add_voucher(self._connection, voucher, fact, top_up_id=top_up_id, account_id=wallet.account_id)
        return Moved(balance, number)

    def give_back(
        self, fact: PaymentFact, part: Advance, *, kind: str, voucher: Voucher | None, booked_at: datetime
    ) -> Moved:
        """Take a part of a payment out of its wallet, of the payment's own lot first."""
        named = {"gateway": fact.gateway, "payment": fact.payment, "amount_minor": part.paid_minor}
        top_up = self._connection.execute(_GIVE_BACK, named).one()
        self._connection.execute(_LOCK_BY_ID, {"wallet_id": top_up.wallet_id})
        micros = part.taxable_minor * MICROS_PER_MINOR
        self._connection.execute(_TAKE_FROM_LOT, {"lot_id": top_up.lot_id, "micros": micros, "booked_at": booked_at})
        returned = {
            "gateway": fact.gateway,
            "reference": fact.reference,
            "kind": kind,
            "top_up_id": top_up.top_up_id,
            "amount_minor": part.paid_minor,
            "taxable_minor": part.taxable_minor,
            "booked_at": booked_at,
        }
        self._connection.execute(_ADD_RETURN, returned)
        number = None
        if voucher is not None:
            ids = {"top_up_id": top_up.top_up_id, "account_id": top_up.account_id}
            number = add_voucher(self._connection, voucher, fact, **ids)
        return Moved(self._move(top_up.wallet_id, -micros, kind, f"{fact.gateway} {fact.reference}", booked_at), number)

    def answer_request(
        self, event: WaitingPayment, state: AttemptState, *, reason: str | None, now: datetime
    ) -> AnsweredRequest | None:
        """Close the request an event answers; None when there is none of the account, or it was answered so before."""
        facts = {
            "request": event.request,
            "account": event.fact.account,
            "event": event.payment_event_id,
            "state": state.value,
            "reason": reason,
            "now": now,
        }
        # The wallet first, as everybody does: a look at it may be giving this very request up.
        self._connection.execute(_LOCK_WALLET, {"code": event.fact.account})
        row = self._connection.execute(_ANSWER, facts).one_or_none()
        return None if row is None else AnsweredRequest(row.request_id, row.method, row.charge_minor, Currency(row.currency))

    def close(self, payment_event_id: int, applied: Applied, waits: Waits | None, *, tried_at: datetime) -> None:
        """Keep what became of an event."""
        facts = {"event": payment_event_id, "outcome": applied.value, "reason": waits, "tried_at": tried_at}
        self._connection.execute(_CLOSE, facts)

    def enter_transfer(self, account: str, *, reference: str, amount_minor: int, by: str, at: datetime) -> int:
        """Keep a transfer to be confirmed; returns its number. Raises NotFound, InvalidInput for a known reference."""
        entered = {"account": account, "reference": reference, "amount_minor": amount_minor, "by": by, "at": at}
        if self._connection.execute(_SAME_TRANSFER, entered).scalar() is not None:
            raise InvalidInput(f"reference: {reference!r} was entered before: `billing wallets transfers` shows it")
        number = self._connection.execute(_ENTER_TRANSFER, entered).scalar()
        if number is None:
            raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
        return int(number)

    def transfer(self, number: int) -> BankTransfer:
        """A transfer, locked. Raises NotFound."""
        self._connection.execute(_TURN)
        row = self._connection.execute(_TRANSFER, {"number": number}).one_or_none()
        if row is None:
            raise NotFound(f"transfer {number} does not exist: `billing wallets transfers` shows them")
        return BankTransfer(
            row.code, Currency(row.currency), row.reference, row.amount_minor, row.entered_by, row.decided_by
        )

    def close_transfer(self, number: int, *, confirmed: bool, by: str, at: datetime) -> None:
        """Keep who decided it, and how."""
        self._connection.execute(_CLOSE_TRANSFER, {"number": number, "confirmed": confirmed, "by": by, "at": at})

    def audit(self, *, action: str, subject: str, actor: str, after: Mapping[str, Any], at: datetime) -> None:
        """A record of the change."""
        audit.record(self._connection, [audit.Change(subject, None, after)], action=action, actor=actor, at=at)

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""
        tell(self._connection, messages, now=now)

    def _move(self, wallet_id: int, micros: int, cause: str, reference: str, booked_at: datetime) -> Balance:
        moved = {"wallet_id": wallet_id, "micros": micros, "cause": cause, "reference": reference, "booked_at": booked_at}
        row = self._connection.execute(_MOVE, moved).one()
        return Balance(row.wallet_id, row.account_id, row.balance_after_micros, row.version)
