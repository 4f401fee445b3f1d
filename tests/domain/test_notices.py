"""Notices: what is told, to whom, and that nobody who should hear stays unheard."""

import pytest

from domain.customers.contacts import Channel, Contact, NoticeKind, Role
from domain.notices import CIRCLES, Audience, Recipient, kind_of, recipients

ASHA = Contact("Asha", "asha@acme.example", "+919800000001", (Role.BILLING,))
RAVI = Contact("Ravi", "ravi@acme.example", None, (Role.TECHNICAL, Role.FINANCE))
OMI = Contact("Omi", "omi@acme.example", None, (Role.OWNER,))


def an_audience(**changes):
    facts = {"legal_name": "Acme", "email": "accounts@acme.example", "contacts": (ASHA, RAVI, OMI)}
    return Audience(**{**facts, **changes})


def addresses(kind, audience, **changes):
    return [(str(one.channel), one.address) for one in recipients(kind, audience, **changes)]


@pytest.mark.parametrize(
    ("status", "was", "kind"),
    [
        ("suspended", "grace", NoticeKind.SERVICE_SUSPENDED),
        ("closed", "active", NoticeKind.SERVICE_SUSPENDED),
        ("grace", "low", NoticeKind.BALANCE_EXHAUSTED),
        ("active", "suspended", NoticeKind.SERVICE_RESUMED),
        ("low", "suspended", NoticeKind.SERVICE_RESUMED),
        ("active", "grace", None),
        ("low", "active", None),
    ],
)
def test_a_standing_is_told_where_it_changes_what_an_account_may_do(status, was, kind):
    assert kind_of("notification.account_status", {"status": status, "was": was}) is kind


def test_a_grace_for_an_overdue_invoice_is_told_as_a_payment_that_is_due():
    data = {"status": "grace", "was": "active", "overdue_since": "2026-11-18T00:00:00+05:30"}
    assert kind_of("notification.account_status", data) is NoticeKind.PAYMENT_DUE


def test_an_alert_is_told_as_low_above_zero_and_as_exhausted_below():
    assert kind_of("notification.wallet_alert", {"threshold": "absolute:9", "balance_micros": 5}) is NoticeKind.BALANCE_LOW
    alert = {"threshold": "absolute:-9", "balance_micros": -10}
    assert kind_of("notification.wallet_alert", alert) is NoticeKind.BALANCE_EXHAUSTED


def test_credit_that_ends_is_told_once_by_the_grace_or_suspension_it_begins():
    passed = {"threshold": "percent_of_last_top_up:20", "level_micros": 5, "balance_micros": -1}
    assert kind_of("notification.wallet_alert", passed) is None
    alert = {"threshold": "absolute:0", "level_micros": 0, "balance_micros": 0}
    assert kind_of("notification.wallet_alert", alert) is None
    assert kind_of("notification.alert_escalated", alert) is NoticeKind.BALANCE_EXHAUSTED


def test_an_alert_is_told_by_what_is_left_now_and_a_dip_that_is_over_as_low_whatever_it_came_to():
    alert = {"threshold": "absolute:9", "level_micros": 9, "balance_micros": 5}
    assert kind_of("notification.wallet_alert", {**alert, "balance_now_micros": -1}) is None
    over = {**alert, "balance_micros": -1, "balance_now_micros": 50, "over": True}
    assert kind_of("notification.wallet_alert", over) is NoticeKind.BALANCE_LOW


def test_a_postpaid_balance_below_zero_is_no_credit_that_ended():
    alert = {"threshold": "absolute:-9", "level_micros": -9, "balance_micros": -10, "mode": "postpaid"}
    assert kind_of("notification.wallet_alert", alert) is NoticeKind.BALANCE_LOW


def test_what_nobody_knows_is_told_to_nobody():
    assert kind_of("notification.moon_phase", {}) is None


def test_the_first_circle_hears_at_once_and_the_others_in_turn():
    told = [addresses(NoticeKind.BALANCE_LOW, an_audience(), circle=circle) for circle in range(4)]
    assert told == [
        [("email", "asha@acme.example")],
        [("email", "ravi@acme.example")],
        [("email", "omi@acme.example")],
        [("email", "omi@acme.example")],
    ]


def test_the_customers_own_address_stands_in_where_nobody_has_the_role():
    assert recipients(NoticeKind.BALANCE_LOW, an_audience(contacts=(OMI,))) == (
        Recipient(Channel.EMAIL, "accounts@acme.example", "Acme"),
    )


def test_a_kind_that_was_switched_off_is_told_to_nobody():
    assert addresses(NoticeKind.BALANCE_LOW, an_audience(choices={NoticeKind.BALANCE_LOW: ()})) == []


def test_what_the_law_wants_announced_is_told_all_the_same():
    audience = an_audience(choices={NoticeKind.PAYMENT_DUE: ()})
    assert recipients(NoticeKind.PAYMENT_DUE, audience) == ()
    assert [one.address for one in recipients(NoticeKind.PAYMENT_DUE, audience, unasked=True)] == [
        "asha@acme.example",
        "ravi@acme.example",
    ]


def test_every_chosen_channel_has_its_own_delivery():
    chosen = {NoticeKind.BALANCE_LOW: (Channel.EMAIL, Channel.WEBHOOK, Channel.SMS)}
    assert addresses(NoticeKind.BALANCE_LOW, an_audience(choices=chosen, endpoints=(3, 5))) == [
        ("email", "asha@acme.example"),
        ("webhook", "3"),
        ("webhook", "5"),
        ("sms", "+919800000001"),
    ]


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP, Channel.WEBHOOK])
def test_mail_stands_in_where_no_chosen_channel_can_be_used(channel):
    told = addresses(NoticeKind.BALANCE_LOW, an_audience(choices={NoticeKind.BALANCE_LOW: (channel,)}))
    assert ("email", "asha@acme.example") in told


def test_every_kind_of_notice_is_somebodys_business():
    assert CIRCLES.keys() == set(NoticeKind)
