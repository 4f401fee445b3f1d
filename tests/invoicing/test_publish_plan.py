"""Publishing plans: a version for each new meaning, whole or not at all, one at a time, audited."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine, text

from connectors import wiring
from domain.errors import Invalid
from invoicing.keep_accounts import open_account
from invoicing.publish_plan import publish_plan
from invoicing.write_customer import create_customer
from tests.books import AUTHOR
from tests.builders_customers import a_customer_document, an_account_document
from tests.builders_plans import (
    a_charge,
    a_commitment,
    a_discount,
    a_fee,
    a_matrix,
    a_meter,
    a_plan,
    a_setup,
    per_unit,
)

pytestmark = pytest.mark.engines


def published(*charges, **changes):
    return publish_plan(wiring.administration(), a_plan(*charges, **changes), author=AUTHOR)


def rows(database: Engine, statement: str):
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_every_kind_of_charge_is_stored_with_its_document_in_order(database):
    price = a_matrix(({"channel": "sms"}, "0.1850"), ({}, "3.75"))
    publication = published(
        a_charge(price=price),
        a_charge(meter=..., meters=["numbers", "otp.delivered"], code="people"),
        a_fee(),
        a_setup(),
        a_commitment(counts=["people"]),
        meters=[a_meter(filter={"channel": ["sms", "rcs"]}), a_meter("otp.delivered", property="x")],
        trial_days=14,
        adjustments=[a_discount(applies_to=["people"], periods=3)],
    )
    assert (publication.version, publication.is_new, publication.new_meters) == (1, True, ("numbers", "otp.delivered"))
    assert rows(database, "SELECT code, kind, meter, unit, price IS NOT NULL FROM charge ORDER BY charge_id") == [
        ("otp.delivered", "usage", "otp.delivered", "message", True),
        ("people", "usage", "numbers", "message", True),
        ("platform", "recurring", None, "month", False),
        ("setup", "one_time", None, "fee", False),
        ("least", "commitment", None, "month", False),
        ("trial", "adjustment", None, "adjustment", False),
        ("launch", "adjustment", None, "adjustment", False),
    ]
    assert rows(database, "SELECT document ->> 'amount', document -> 'prorate' FROM charge WHERE code = 'platform'") == [
        ("999.00", True)
    ]
    assert rows(
        database,
        "SELECT c.code, m.code FROM charge c JOIN charge_meter USING (charge_id) JOIN meter m USING (meter_id)"
        " ORDER BY 1, 2",
    ) == [("otp.delivered", "otp.delivered"), ("people", "numbers"), ("people", "otp.delivered")]
    assert rows(database, "SELECT aggregation, property, filter FROM meter WHERE code = 'numbers'") == [
        ("unique", "recipient_hash", {"channel": ["rcs", "sms"]})
    ]


def test_only_another_meaning_is_a_new_version(database):
    assert published().is_new
    assert not published().is_new
    assert not published(a_charge(code="otp.delivered", price=per_unit("0.2000"))).is_new
    changed = published(a_charge(price=per_unit("0.25")))
    assert (changed.version, changed.is_new, changed.new_meters) == (2, True, ())
    assert [tuple(change) for change in changed.changes] == [
        ("charges[otp.delivered].price.unit_price", "changed", "0.2", "0.25")
    ]
    assert rows(database, "SELECT version FROM plan_version ORDER BY version") == [(1,), (2,)]


def publish_from(starts_at, *charges):
    return publish_plan(wiring.administration(), a_plan(*charges), author=AUTHOR, starts_at=starts_at)


NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def test_a_version_that_starts_later_is_for_subscriptions_that_begin_then(database):
    published()
    version = publish_from(NEXT_YEAR, a_charge(price=per_unit("0.30"))).version
    with wiring.administration().begin() as transaction:
        plan = transaction.subscriptions.plan
        labels = [plan("otp-india", version=None, at=at).label for at in (NEXT_YEAR - timedelta(seconds=1), NEXT_YEAR, None)]
        named = plan("otp-india", version=2, at=NEXT_YEAR - timedelta(seconds=1))
    assert (version, labels) == (2, ["otp-india v1", "otp-india v2", "otp-india v2"])
    assert (named.label, named.starts_at) == ("otp-india v2", NEXT_YEAR)


def test_another_start_is_another_version_and_none_comes_before_one_that_is_announced(database):
    dearer = a_charge(price=per_unit("0.30"))
    assert publish_from(NEXT_YEAR, dearer).is_new
    assert not publish_from(NEXT_YEAR, dearer).is_new
    assert not publish_from(None, dearer).is_new
    for earlier in (None, NEXT_YEAR - timedelta(days=1)):
        with pytest.raises(
            Invalid, match=r"from: v1 holds from 2027-01-01T00:00:00\+00:00, and would never if this one did"
        ):
            publish_from(earlier, a_charge())
    with pytest.raises(Invalid, match="from: needs a time zone"):
        publish_from(datetime(2027, 1, 1), a_charge())  # noqa: DTZ001 - the point
    assert publish_from(NEXT_YEAR, a_charge()).version == 2
    assert publish_from(NEXT_YEAR + timedelta(days=31), a_charge()).version == 3


def test_an_account_that_is_opened_before_a_version_starts_is_on_the_one_before(database):
    published()
    publish_from(AUTHOR.at + timedelta(days=1), a_charge(price=per_unit("0.30")))
    store = wiring.administration()
    create_customer(store, a_customer_document(), author=AUTHOR)
    for code, opens_at in (("acc", AUTHOR.at), ("later", AUTHOR.at + timedelta(days=1))):
        open_account(store, an_account_document(code=code, plan="otp-india"), opens_at=opens_at, author=AUTHOR)
    subscriptions = "subscription JOIN account a USING (account_id) JOIN plan_version USING (plan_version_id)"
    assert rows(database, f"SELECT a.code, version FROM {subscriptions} ORDER BY 1") == [("acc", 1), ("later", 2)]


def test_a_version_published_under_older_rules_is_succeeded(database):
    published()
    doubtful = a_plan(a_charge(price=a_matrix(({"channel": "sms"}, "1"), ({"country": "IN"}, "2"))))
    with database.begin() as connection:
        connection.execute(
            text("""INSERT INTO plan_version (plan_id, version, currency, published_at, document)
            SELECT plan_id, 2, 'INR', now(), CAST(:document AS jsonb) FROM plan"""),
            {"document": json.dumps(doubtful)},
        )
    publication = published()
    assert (publication.version, publication.is_new, publication.changes) == (3, True, ())


def test_a_meter_keeps_its_definition(database):
    counted = a_charge("numbers")
    published(counted, meters=[a_meter()])
    assert published(counted, code="other", meters=[a_meter()]).new_meters == ()
    with pytest.raises(Invalid, match=r"meters\[0\]: 'numbers' is published with another definition"):
        published(counted, meters=[a_meter(property="device")])
    with pytest.raises(Invalid, match=r"charges\[0\].meters\[0\]: meter 'otp' is neither published nor defined"):
        published(a_charge(meter=..., meters=["otp"]))
    assert published(a_charge(meter=..., meters=["numbers"]), code="third").new_meters == ()


def test_a_plan_keeps_its_currency(database):
    published()
    with pytest.raises(Invalid, match="currency: plan otp-india is in INR"):
        published(currency="USD")


def test_what_is_refused_leaves_nothing(database):
    with pytest.raises(Invalid):
        published(a_charge(sac="1"), meters=[a_meter()])
    assert rows(database, "SELECT (SELECT count(*) FROM plan), (SELECT count(*) FROM meter)") == [(0, 0)]
    assert rows(database, "SELECT count(*) FROM audit_record WHERE action LIKE '%published'") == [(0,)]


def test_publications_at_once_wait_for_each_other(database):
    prices = ["0.21", "0.22", "0.21", "0.22", "0.23", "0.23"]
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda price: published(a_charge(price=per_unit(price))), prices))
    versions = rows(
        database, "SELECT version, document #>> '{charges,0,price,unit_price}' FROM plan_version ORDER BY version"
    )
    assert [version for version, _ in versions] == list(range(1, len(versions) + 1))
    assert sum(publication.is_new for publication in said) == len(versions)
    assert all(before[1] != after[1] for before, after in pairwise(versions))
    assert rows(database, "SELECT count(*) FROM meter") == [(1,)]


def test_a_publication_is_audited_with_the_document_before_and_after(database):
    published()
    published(name="OTP 2027")
    assert rows(
        database,
        "SELECT action, subject, before ->> 'name', after ->> 'name' FROM audit_record"
        " WHERE action LIKE '%published' ORDER BY audit_id",
    ) == [
        ("meter.published", "otp.delivered", None, None),
        ("plan.published", "otp-india", None, "OTP India"),
        ("plan.published", "otp-india", "OTP India", "OTP 2027"),
    ]


def test_one_publication_is_one_change_of_configuration_for_the_charges(database):
    (before,) = rows(database, "SELECT version FROM config_version")
    published(a_charge(), a_fee(), a_setup())
    (after,) = rows(database, "SELECT version FROM config_version")
    assert after[0] - before[0] == 2  # one for the meter, one for the charges
