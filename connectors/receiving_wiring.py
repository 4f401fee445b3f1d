"""Building what receives payment and config events; the worker loads it beside metering_wiring.py."""

from functools import partial
from typing import Any, Final

from connectors import clock
from connectors.kafka.envelopes import decode_records
from connectors.metering_wiring import time_window
from connectors.postgres.config_receiving import PostgresConfigStore
from connectors.postgres.database import open_engine
from connectors.postgres.receiving import PostgresReceivingStore
from connectors.settings import settings
from domain.config_changes import read_config_change
from domain.payments import read_payment
from domain.receiving import Family
from invoicing.receive_config import ReceiveConfig
from invoicing.receive_events import ReceiveEvents
from invoicing.receive_payments import ReceivePayments
from invoicing.receiving_ports import ReceivingStore

_CONFIG_RECORDS_MAX: Final = 20
"""Config records a transaction: each holds up the workers while it is applied, and a few share one commit."""


def receiving_store(family: Family, worker: str) -> PostgresReceivingStore | PostgresConfigStore:
    """One family's events, through a connection of its own."""
    if family is Family.CONFIG:
        return PostgresConfigStore(open_engine(settings().postgres_dsn), worker=worker, clock=clock.now)
    return PostgresReceivingStore(settings().postgres_dsn, family, worker=worker, clock=clock.now)


def receiving(family: Family, store: ReceivingStore) -> ReceiveEvents[Any]:
    """The receiving use case of a family on a store, with what its events are handed to."""
    window = time_window()
    match family:
        case Family.PAYMENT:
            return ReceiveEvents(store, partial(decode_records, read=read_payment, window=window), ReceivePayments())
        case Family.CONFIG:
            handler = ReceiveConfig()
            return ReceiveEvents(
                store,
                partial(decode_records, read=read_config_change, window=window),
                handler,
                prepare=handler.prepare,
                records_max=_CONFIG_RECORDS_MAX,
            )
