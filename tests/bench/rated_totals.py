"""The running totals that raw events come to by the first rater: what the second has to agree with."""

import json
from datetime import date

import psycopg

from domain.catalogue import read_charge
from tests.installation import Installation

_GROUPS = """
SELECT a.account_id, u.meter, u.properties::jsonb - 'message' AS facts, sum(u.quantity_millionths)::bigint, count(*)
FROM usage_event u JOIN alias a ON a.alias = u.subject GROUP BY 1, 2, 3
"""
_CHARGES = "SELECT charge_id, meter, description, sac, unit, price FROM charge WHERE kind = 'usage'"
_TOTALS = """
COPY usage_total (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
FROM STDIN
"""
_OCTOBER = date(2026, 10, 1)


def write_totals(installation: Installation) -> None:
    """Price every group of events with the code that bills, and write the totals."""
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        charges = {}
        for charge_id, meter, description, sac, unit, price in connection.execute(_CHARGES):
            document = {"meter": meter, "description": description, "sac": sac, "unit": unit, "price": price}
            charges[meter] = read_charge(charge_id, document, path=meter)
        totals: dict[tuple[int, int, str], list[int]] = {}
        tariffs = {}
        for account_id, meter, facts, quantity, events in connection.execute(_GROUPS):
            charge = charges[meter]
            cell = charge.cell_for(facts if isinstance(facts, dict) else json.loads(facts))
            assert cell is not None
            tariffs[charge.charge_id, cell.name] = cell.tariff
            total = totals.setdefault((account_id, charge.charge_id, cell.name), [0, 0])
            total[0] += quantity
            total[1] += events
        with connection.cursor() as cursor, cursor.copy(_TOTALS) as copy:
            for (account_id, charge_id, cell_name), (quantity, events) in totals.items():
                amount = tariffs[charge_id, cell_name].amount_micros(quantity)
                copy.write_row((account_id, _OCTOBER, charge_id, cell_name, quantity, amount, events))
