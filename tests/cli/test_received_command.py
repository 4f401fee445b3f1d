"""`billing events received`: payment and config events as they were received, newest first."""

import json

import pytest

from connectors import receiving_wiring
from domain.receiving import Family
from tests.builders_received import FamilyTopic, a_document, an_event

pytestmark = pytest.mark.engines


@pytest.fixture(name="receive")
def _receive(database):
    """Receives events of a family."""

    def receive(family: Family, *values: bytes) -> None:
        store = receiving_wiring.receiving_store(family, "worker")
        receiving_wiring.receiving(family, store).receive(FamilyTopic(family).append(*values))
        store.close()

    return receive


@pytest.mark.parametrize("family", list(Family))
def test_received_events_are_listed_newest_first_with_what_became_of_them(receive, billing, family: Family) -> None:
    receive(family, *(an_event(family, f"event-{number}") for number in range(3)))

    rows = json.loads(billing("events", "received", "--family", family.value, "--limit", "2", "--json").out)

    handled_as = "received" if family is Family.PAYMENT else "refused"  # there is no account acme
    assert [(row["event_id"], row["offset"], row["handled_as"]) for row in rows] == [
        ("event-2", 2, handled_as),
        ("event-1", 1, handled_as),
    ]


def test_a_payment_is_shown_with_its_money_and_a_change_with_its_data(receive, billing) -> None:
    receive(Family.PAYMENT, an_event(Family.PAYMENT))
    receive(Family.CONFIG, an_event(Family.CONFIG))

    (payment,) = json.loads(billing("events", "received", "--family", "payment", "--json").out)
    (change,) = json.loads(billing("events", "received", "--family", "config", "--json").out)

    shown = (payment["account"], payment["amount_minor"], payment["currency"], payment["gateway"], payment["reference"])
    assert shown == ("acme", 118_000, "INR", "razorpay", "pay_29QQoUBi66xm2f")
    assert (change["subject"], change["data"]) == ("acme-web", a_document(Family.CONFIG)["data"])


def test_the_books_are_checked_and_certified_for_all_families(receive, billing) -> None:
    for family in Family:
        receive(family, an_event(family), an_event(family), b"{")

    found = json.loads(billing("books", "check", "--json").out)

    assert found["balanced"]
    totals = found["certificate"]["totals"]
    assert (totals["received"], totals["accepted"], totals["duplicate"], totals["dead_lettered"]) == (6, 2, 2, 2)
    assert [count["topic"] for count in found["certificate"]["partitions"]] == ["test.config.events", "test.payment.events"]


def test_nothing_received_says_so_and_an_unknown_family_is_refused(database, billing) -> None:
    assert billing("events", "received", "--family", "payment").out.strip() == "no payment events"
    assert billing("events", "received", "--family", "usage").code == 2
