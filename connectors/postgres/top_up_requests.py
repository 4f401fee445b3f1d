"""Requests for top-ups in PostgreSQL, in the transaction of a look at the wallet."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection

from connectors.postgres.advance_tax import SELLERS, advance_tax, only_seller
from domain.money import Currency
from domain.top_up_rules import Ask, Attempt, AttemptState, Method
from invoicing.top_up_request_ports import KeptAttempt

_ATTEMPTS: Final = """
SELECT request_id, requested_at, debit_at, amount_minor, method, state FROM top_up_request
WHERE account_id = %s AND (requested_at >= %s OR state = 'in_flight') ORDER BY request_id
"""
_BUYER: Final = """
SELECT c.country, c.gstin, c.state_code, c.tax_category, c.export
FROM account a JOIN customer c USING (customer_id) WHERE a.code = %s
"""
_ADD: Final = """
INSERT INTO top_up_request (account_id, method, currency, amount_minor, charge_minor, requested_at, debit_at, answer_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING request_id
"""
_GIVE_UP: Final = """
UPDATE top_up_request SET state = 'failed', closed_at = %s, reason = %s WHERE request_id = %s AND state = 'in_flight'
"""
_ANSWER: Final = "UPDATE top_up_rule SET answer = %s, look_again_at = %s WHERE account_id = %s"


class PostgresTopUpRequests:
    """Requests of one transaction, whose rows have names."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def attempts(self, account_id: int, *, since: datetime) -> Sequence[KeptAttempt]:
        """An account's requests from an instant on, and any that is in flight."""
        return [
            KeptAttempt(
                row.request_id,
                Attempt(row.requested_at, row.debit_at, row.amount_minor, Method(row.method), AttemptState(row.state)),
            )
            for row in self._connection.execute(_ATTEMPTS, (account_id, since))
        ]

    def charge_minor(self, account: str, amount_minor: int, *, on: date) -> int:
        """An amount with the tax that goes on top of it. Raises InvalidInput, TaxProfileIncomplete, WrongSetup."""
        seller = only_seller(self._connection.execute(SELLERS).fetchall())
        (buyer,) = self._connection.execute(_BUYER, (account,)).fetchall()
        decided = advance_tax(buyer, seller, on=on)
        return amount_minor + sum(head.tax_minor(amount_minor) for head in decided.heads)

    def add(self, account_id: int, ask: Ask, *, currency: Currency, answer_by: datetime, now: datetime) -> int:
        """A request in flight; returns its number."""
        facts = (
            account_id,
            ask.method.value,
            currency.value,
            ask.amount_minor,
            ask.charge_minor,
            now,
            ask.debit_at,
            answer_by,
        )
        ((number,),) = self._connection.execute(_ADD, facts).fetchall()
        return int(number)

    def give_up(self, request_id: int, *, reason: str, now: datetime) -> None:
        """Count a request as declined."""
        self._connection.execute(_GIVE_UP, (now, reason, request_id))

    def keep_answer(self, account_id: int, answer: str, *, again_at: datetime | None) -> None:
        """What the look found of the rule, and when time alone may change it."""
        self._connection.execute(_ANSWER, (answer, again_at, account_id))
