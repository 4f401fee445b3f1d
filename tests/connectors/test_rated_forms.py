"""A rated event as others take it: a CloudEvent and a line, whatever its texts hold."""

import json
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from connectors.rated_forms import ROW_COLUMNS, Names, RatedForms, batch_and_key
from tests.rated_texts import a_rated_text

NAMES = Names({"11": ("acme", "customer-acme"), "12": ("b\t\\", 'c"\n')}, {"3": ("otp-inr v1", "INR", "otp")})
UNESCAPED = {r"\\": "\\", r"\t": "\t", r"\n": "\n", r"\r": "\r"}


def forms(**changes):
    batches = RatedForms(NAMES, partitions=8).batches([a_rated_text(**changes)])
    ((batch_id, batch),) = batches.items()
    ((partition, (record,)),) = batch.records.items()
    (row,) = batch.rows
    assert batch.batch_id == batch_id
    return partition, json.loads(record), row


def cells(row):
    """A line as ClickHouse reads it."""
    assert row.endswith("\n")
    found = []
    for cell in row[:-1].split("\t"):
        text, place = "", 0
        while place < len(cell):
            width = 2 if cell[place] == "\\" else 1
            text += UNESCAPED[cell[place : place + 2]] if width == 2 else cell[place]
            place += width
        found.append(text)
    return dict(zip(ROW_COLUMNS, found, strict=True))


def test_an_event_is_a_cloudevent_in_the_partition_of_its_account():
    partition, event, _ = forms()
    assert partition == 3
    assert event == {
        "specversion": "1.0",
        "type": "usage.rated",
        "source": "/otpless/billing",
        "id": str(UUID(int=1)),
        "subject": "acme",
        "time": "2026-10-15T12:00:00.250001Z",
        "data": {
            "source": "/otpless/core",
            "event_id": "event-1",
            "alias": "shop",
            "customer": "customer-acme",
            "meter": "otp.delivered",
            "price_cell": "sms/*",
            "charge": "otp",
            "plan_version": "otp-inr v1",
            "currency": "INR",
            "quantity_millionths": 2_500_000,
            "amount_micros": 500_000,
            "batch_id": 7,
            "properties": {"channel": "sms", "country": "IN", "operator": "जियो"},
        },
    }


def test_an_event_is_a_line_of_the_warehouses_columns():
    _, _, row = forms()
    assert cells(row) == {
        "account": "acme",
        "customer": "customer-acme",
        "currency": "INR",
        "plan_version": "otp-inr v1",
        "channel": "sms",
        "country": "IN",
        "operator": "जियो",
        "event_time": str(int(datetime(2026, 10, 15, 12, tzinfo=UTC).timestamp())),
        "event_time_ms": "250",
        "alias": "shop",
        "meter": "otp.delivered",
        "quantity_millionths": "2500000",
        "amount_micros": "500000",
        "received_at": str(int(datetime(2026, 10, 15, 12, tzinfo=UTC).timestamp()) + 1),
        "batch_id": "7",
        "event_key": str(UUID(int=1)),
    }
    assert batch_and_key(row) == (7, str(UUID(int=1)))


def test_a_property_that_is_missing_or_null_is_empty_and_another_type_is_its_text():
    line = cells(forms(properties='{"channel":null,"operator":5}')[2])
    assert (line["channel"], line["country"], line["operator"]) == ("", "", "5")


def test_decimals_of_properties_stay_as_they_were_written():
    text = a_rated_text(properties='{"ratio":0.10}')
    (batch,) = RatedForms(NAMES, partitions=1).batches([text]).values()
    assert '"properties":{"ratio":0.10}' in batch.records[0][0]


# What PostgreSQL holds: any character but U+0000, and none that is half of another.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_every_text_arrives_as_it_was(source, event_id, alias, meter, cell, channel):
    properties = json.dumps({"channel": channel}, ensure_ascii=False, separators=(",", ":"))
    _, event, row = forms(
        source=source, event_id=event_id, alias=alias, meter=meter, price_cell=cell, properties=properties, account_id="12"
    )
    data, line = event["data"], cells(row)
    assert (data["source"], data["event_id"], data["price_cell"]) == (source, event_id, cell)
    assert (data["alias"], data["meter"], data["properties"]["channel"]) == (alias, meter, channel)
    assert (line["alias"], line["meter"], line["channel"]) == (alias, meter, channel)
    assert (event["subject"], data["customer"]) == (line["account"], line["customer"]) == ("b\t\\", 'c"\n')


def test_events_are_kept_apart_by_batch_and_by_partition_in_their_order():
    texts = [
        a_rated_text(batch_id=str(number % 2), event_id=f"event-{number}", account_id=str(11 + number % 3 % 2))
        for number in range(12)
    ]
    batches = RatedForms(NAMES, partitions=8).batches(texts)
    assert sorted(batches) == [0, 1]
    for batch_id, batch in batches.items():
        assert len(batch.rows) == 6
        assert sorted(batch.records) == [3, 4]
        for records in batch.records.values():
            numbers = [int(json.loads(record)["data"]["event_id"].removeprefix("event-")) for record in records]
            assert numbers == sorted(numbers)
            assert {number % 2 for number in numbers} == {batch_id}


def test_an_account_or_a_price_without_a_name_is_told():
    forms = RatedForms(NAMES, partitions=8)
    assert forms.know([a_rated_text()])
    assert not forms.know([a_rated_text(), a_rated_text(account_id="13")])
    assert not forms.know([a_rated_text(charge_id="4")])
