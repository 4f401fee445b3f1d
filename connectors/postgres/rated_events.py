"""Reading rated events as others see them, with the names behind the numbers."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

import psycopg

from invoicing.publish_usage import RatedEvent

OF_BATCHES: Final = """
SELECT u.batch_id, u.event_key, u.event_time, u.received_at, u.source, u.event_id, u.subject, a.code, c.code, u.meter,
       u.price_cell, p.code || ' v' || v.version, v.currency, u.quantity_millionths, u.amount_micros, u.properties
FROM usage_event u
JOIN account a USING (account_id) JOIN customer c USING (customer_id)
JOIN charge h USING (charge_id) JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
WHERE u.batch_id = ANY(%s)
"""
OF_A_DAY: Final = OF_BATCHES + " AND u.event_time >= %s AND u.event_time < %s"


def read_events(
    connection: psycopg.Connection[Any], statement: LiteralString, parameters: Sequence[Any]
) -> list[RatedEvent]:
    """The events a statement of this module finds."""
    with connection.cursor(binary=True) as cursor:
        return [RatedEvent(*row) for row in cursor.execute(statement, parameters).fetchall()]
