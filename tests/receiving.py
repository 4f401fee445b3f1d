"""Decoding one record of a family in a test: the event it holds, or the dead letter it leaves."""

from typing import Any

from connectors.kafka.envelopes import decode_records
from domain.config_changes import read_config_change
from domain.metering import DeadLetter
from domain.payments import read_payment
from domain.receiving import Family, Received
from tests.builders_usage import WINDOW, a_record

READERS = {Family.PAYMENT: read_payment, Family.CONFIG: read_config_change}


def decode(family: Family, value: bytes) -> tuple[list[Received[Any]], list[DeadLetter]]:
    """What a record holds."""
    return decode_records([a_record(value)], READERS[family], WINDOW)


def decoded(family: Family, value: bytes) -> Received[Any]:
    """The one event a record holds."""
    events, dead = decode(family, value)
    assert [(letter.reason, letter.detail) for letter in dead] == []
    (received,) = events
    return received


def refused(family: Family, value: bytes) -> DeadLetter:
    """The one dead letter a record leaves."""
    events, dead = decode(family, value)
    assert events == []
    (letter,) = dead
    return letter
