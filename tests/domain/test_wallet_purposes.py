"""Which wallet of an account pays for an event, and which wallets an account may have."""

import pytest

from domain.errors import Invalid
from domain.money import Currency
from domain.wallet_purposes import (
    WALLETS_MAX,
    AccountWallets,
    FurtherWallet,
    Purposes,
    check_closing,
    check_opening,
    check_purposes,
    moved_cost,
)
from tests.builders_rating import a_meter

METERS = ("whatsapp", "sms", "voice")
OWN = None


def a_filter(**values):
    return tuple((name, frozenset([value])) for name, value in values.items())


WHATSAPP = a_meter("whatsapp", meter_id=7, filter=a_filter(channel="whatsapp"))
INDIA = a_meter("india", meter_id=8, filter=a_filter(country="IN"))
WHATSAPP_INDIA = a_meter("whatsapp.india", meter_id=9, filter=a_filter(channel="whatsapp", country="IN"))
EVERY_OTP = a_meter("otp", meter_id=3)
VOICE = a_meter("voice", meter_id=4, event_type="voice.minutes")


@pytest.mark.parametrize(
    ("properties", "paid_by"),
    [
        ({"channel": "whatsapp", "country": "IN"}, 109),
        ({"channel": "whatsapp", "country": "US"}, 107),
        ({"channel": "whatsapp"}, 107),
        ({"channel": "sms", "country": "IN"}, 103),
        ({}, 103),
    ],
)
def test_the_meter_with_the_most_conditions_decides(properties, paid_by):
    purposes = Purposes([(EVERY_OTP, 103), (WHATSAPP, 107), (WHATSAPP_INDIA, 109)])
    assert purposes.wallet_for("otp.delivered", properties) == paid_by


def test_of_meters_with_as_many_conditions_the_one_published_first_decides():
    for named in ([(WHATSAPP, 107), (INDIA, 108)], [(INDIA, 108), (WHATSAPP, 107)]):
        assert Purposes(named).wallet_for("otp.delivered", {"channel": "whatsapp", "country": "IN"}) == 107


def test_what_no_meter_counts_is_the_accounts_own_to_pay():
    purposes = Purposes([(WHATSAPP, 107), (VOICE, 104)])
    assert purposes.wallet_for("otp.delivered", {"channel": "sms"}) is OWN
    assert purposes.wallet_for("email.sent", {"channel": "whatsapp"}) is OWN
    assert purposes.wallet_for("otp.delivered", {"channel": 1}) is OWN
    assert purposes.wallets == (104, 107)


def an_account(*further, **changes):
    facts = {"account": "acme", "prepaid": True, "currency": Currency.INR, "pays_from": "acme", "closed": False}
    return AccountWallets(**{**facts, "further": further, **changes})


def a_wallet(name="whatsapp", *pays_for, **changes):
    return FurtherWallet(f"acme/{name}", frozenset(pays_for), **changes)


def faults_of_opening(account, name="whatsapp", pays_for=("whatsapp",), currency=None):
    with pytest.raises(Invalid) as refused:
        check_opening(account, name, pays_for, currency=currency, meters=METERS)
    return [str(error) for error in refused.value.errors]


def test_a_prepaid_account_may_have_a_wallet_for_meters_that_no_other_wallet_has():
    check_opening(an_account(a_wallet("sms", "sms")), "whatsapp", ["whatsapp", "voice"], currency="INR", meters=METERS)


@pytest.mark.parametrize(
    ("account", "asked", "said"),
    [
        (an_account(prepaid=False), {}, "acme is postpaid"),
        (an_account(closed=True), {}, "acme is closed"),
        (an_account(pays_from="group"), {}, "name group"),
        (an_account(), {"currency": "USD"}, "could pay for nothing; open an account in USD for the customer"),
        (an_account(), {"name": "WhatsApp"}, "small letters"),
        (an_account(account="a" * 60, pays_from="a" * 60), {}, "at most 64 are kept"),
        (an_account(a_wallet()), {}, "acme/whatsapp was opened before"),
        (an_account(), {"pays_for": ()}, "name at least one meter"),
        (an_account(), {"pays_for": ("telegram",)}, "no meter 'telegram' is published"),
        (an_account(a_wallet("other", "sms")), {"pays_for": ("sms",)}, "sms is what acme/other pays for"),
        (an_account(*(a_wallet(f"w{number}") for number in range(WALLETS_MAX))), {}, "close one first"),
    ],
)
def test_what_may_not_be_opened_is_refused_with_the_reason(account, asked, said):
    (fault,) = faults_of_opening(account, **asked)
    assert said in fault


def test_a_purpose_moves_when_the_wallet_that_has_it_gave_it_up():
    account = an_account(a_wallet("whatsapp", "whatsapp"), a_wallet("sms", "sms"))
    check_purposes(account, "acme/whatsapp", [], meters=METERS)
    check_purposes(account, "acme/whatsapp", ["whatsapp", "voice"], meters=METERS)
    with pytest.raises(Invalid, match="sms is what acme/sms pays for: take it from there first"):
        check_purposes(account, "acme/whatsapp", ["sms"], meters=METERS)
    with pytest.raises(Invalid, match="is closed and stays as it is"):
        check_purposes(an_account(a_wallet(closed=True)), "acme/whatsapp", ["whatsapp"], meters=METERS)


def test_a_wallet_is_closed_with_nothing_in_it_and_nothing_due():
    check_closing(a_wallet())
    with pytest.raises(Invalid, match="holds credit"):
        check_closing(a_wallet(balance_micros=1))
    with pytest.raises(Invalid, match="is below zero"):
        check_closing(a_wallet(balance_micros=-1))


def test_the_cost_of_a_lot_moves_in_proportion_and_never_more_than_there_is():
    assert moved_cost(amount_micros=3, cost_micros=3, moved_micros=1) == 1
    assert moved_cost(amount_micros=3, cost_micros=2, moved_micros=1) == 0
    assert sum(moved_cost(amount_micros=7, cost_micros=5, moved_micros=part) for part in (3, 4)) <= 5
