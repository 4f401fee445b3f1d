"""Engines that die in the life of a wallet, and what the books say of it."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.errors import EngineUnavailable
from tests.books import open_account, open_shop
from tests.conftest import _EMPTY
from tests.metering_books import KilledBeforeCommit
from tests.wallet_model import GRACE_HOURS

START = datetime(2026, 11, 5, tzinfo=UTC)
_BOOKS = """
SELECT (SELECT balance_micros FROM wallet), (SELECT array_agg(remaining_micros ORDER BY lot_id) FROM lot_balance),
       (SELECT state FROM account_standing),
       (SELECT json_agg(json_build_array(fired_at, balance_micros, recovered_at) ORDER BY alert_id) FROM balance_alert),
       (SELECT array_agg(data ->> 'status' ORDER BY message_id) FROM outbox_message WHERE type = 'account.status'),
       (SELECT count(*) FROM outbox_message WHERE type = 'wallet.alert')
"""


class DyingWatch:
    """A store whose looks find everything and end before they commit."""

    def __init__(self, store):
        self._store = store

    @contextmanager
    def begin(self):
        with self._store.begin() as transaction:
            yield transaction
            raise KilledBeforeCommit


class DeafCache:
    """A Redis that dies between the commit and what it is told."""

    def put(self, balances):
        raise EngineUnavailable("Redis does not answer")

    put_standings = put


class Topics:
    """What was sent, in order; it may die when it has taken everything and before it can say so."""

    in_charge = True

    def __init__(self):
        self.sent, self.dies = [], False

    def send(self, messages):
        self.sent += messages
        if self.dies:
            raise EngineUnavailable("Kafka does not answer")

    def heard(self, type_, field):
        """By somebody who knows a message by its id."""
        by_id = {message.message_id: message for message in self.sent if message.type == type_}
        return [json.loads(by_id[number].data_json)[field] for number in sorted(by_id)]


def open_wallet(engine, terms):
    """One prepaid account in books that are empty otherwise."""
    with engine.begin() as connection:
        connection.execute(text(_EMPTY))
    open_shop()
    open_account("acme", mode="prepaid")
    with engine.begin() as connection:
        agreed = {"low": terms.low, "hours": GRACE_HOURS, "grace": terms.grace, "alert": terms.alert}
        connection.execute(text("INSERT INTO account_terms VALUES (1, :low, :hours, :grace)"), agreed)
        connection.execute(text("INSERT INTO account_threshold VALUES (1, 'absolute', :alert)"), agreed)


def read_books(engine):
    """Balance, lots, state, alerts with their hours, statuses told, and how many alerts were told."""
    with engine.connect() as connection:
        wallet, lots, state, alerts, told, alerts_told = connection.execute(text(_BOOKS)).one()
    hours = [(hour(fired), balance, recovered and hour(recovered)) for fired, balance, recovered in alerts or []]
    return wallet, lots or [], state, hours, told or [], alerts_told


def a_payment(event_id, type_, reference, amount, **data):
    """A payment event as a gateway's endpoint sends it."""
    event = {
        "specversion": "1.0", "id": event_id, "source": "/gateways/razorpay", "type": f"payment.{type_}",
        "subject": "acme", "time": START.isoformat(),
        "data": {"gateway": "razorpay", "reference": reference, "amount_minor": amount, "currency": "INR", **data},
    }  # fmt: skip
    return json.dumps(event).encode()


def with_tax(micros):
    """A payment in minor units that credits so much: 18 % on top."""
    return micros * 118 // 100 // 10_000


def hour(at):
    """Hours since the beginning."""
    return (datetime.fromisoformat(at) - START) // timedelta(hours=1)
