"""A customer's document: what it may say, what follows from it, and every fault of one named at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.customers.customer import Customer, read_customer
from domain.customers.merge_patch import merge
from domain.errors import Invalid
from domain.money import Currency
from tests.builders import KARNATAKA_GSTIN, MAHARASHTRA_GSTIN
from tests.builders_customers import a_customer_abroad, a_customer_document

FULL = {
    "trade_name": "Acme",
    "phone": "+91 80 4567 8900",
    "addresses": {
        "registered": {"lines": ["1 Ring Road"], "state_code": "29", "country": "IN"},
        "shipping": {"lines": ["2 High Street", "Floor 3"], "city": "London", "postal_code": "SW1A 1AA", "country": "GB"},
    },
    "tax": {"pan": "AAPFU0939F", "tan": "MUMA12345B"},
    "languages": ["en-in", "hi", "ZH-hant-tw"],
    "contacts": [
        {"name": "आशा राव", "email": "Asha@Acme.Example", "roles": ["billing", "finance"]},
        {"name": "Ravi Iyer", "email": "ravi@acme.example", "phone": "+91 98765 43210", "roles": ["technical"]},
    ],
    "notifications": {"invoice_issued": ["email"], "balance_low": ["email", "sms"], "plan_changed": []},
}
ASHA = {"name": "Asha", "email": "asha@acme.example", "roles": ["billing"]}


def faults(document: object) -> list[str]:
    with pytest.raises(Invalid) as refused:
        read_customer(document)
    return [str(error) for error in refused.value.errors]


def with_billing(**changes: object) -> dict:
    return a_customer_document(addresses={"billing": changes})


def test_what_is_left_out_has_the_default_of_the_country():
    read = read_customer(a_customer_document())
    assert (read.currency, read.time_zone, read.languages, read.contacts) == (Currency.INR, "Asia/Kolkata", (), ())
    jakarta = {"lines": ["Jl. Sudirman 1"], "city": "Jakarta", "country": "ID"}
    indonesian = a_customer_abroad(addresses={"billing": None} | {"billing": jakarta}, time_zone=None)
    del indonesian["addresses"]["billing"]["postal_code"]
    assert read_customer(indonesian).time_zone == "Asia/Jakarta"
    assert read_customer(indonesian).currency is Currency.IDR
    assert read_customer(a_customer_abroad()).currency is Currency.USD


def test_everything_said_is_kept_in_its_canonical_form():
    read = read_customer(a_customer_document(**FULL))
    assert read.languages == ("en-IN", "hi", "zh-Hant-TW")
    assert read.contacts[0].email == "Asha@acme.example"
    assert read.billing.printed_lines() == ("14 Marine Lines", "Mumbai 400020, Maharashtra")
    assert (read.place_of_supply, read.tax.known_pan, read.tax.tan) == ("27", "AAPFU0939F", "MUMA12345B")
    assert [str(channel) for channel in read.notifications["balance_low"]] == ["email", "sms"]


@pytest.mark.parametrize("document", [a_customer_document(), a_customer_document(**FULL), a_customer_abroad()])
def test_a_customer_written_down_reads_as_the_same_customer(document):
    read = read_customer(document)
    assert read_customer(read.document()) == read


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (a_customer_document(), "27"),
        (a_customer_document(tax={"category": "sez"}), "27"),
        (a_customer_document(tax={"category": "unregistered", "gstin": None}), "27"),
        (a_customer_abroad(), "96"),
    ],
)
def test_the_place_of_supply_follows_and_may_be_said_to_be_checked(document, place):
    assert read_customer(document).place_of_supply == place
    assert read_customer(merge(document, {"tax": {"place_of_supply": place}})).place_of_supply == place
    (fault,) = faults(merge(document, {"tax": {"place_of_supply": "33"}}))
    assert fault.startswith("tax.place_of_supply: is '33', and the ")
    assert f"says {place}" in fault


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"tax": {"gstin": "27AAPFU0939F1ZW"}}, "tax.gstin", "ends in W where the check character is V"),
        ({"tax": {"gstin": "27ААPFU0939F1ZV"}}, "tax.gstin", "may hold digits and capital letters only"),
        ({"tax": {"gstin": "٢٧AAPFU0939F1ZV"}}, "tax.gstin", "may hold digits and capital letters only"),
        ({"tax": {"gstin": "9" * 10**6}}, "tax.gstin", "has 1000000 characters; a GSTIN has 15"),
        ({"tax": {"gstin": 27}}, "tax.gstin", "must be a text in quotes, not 27"),
        ({"tax": {"gstin": None}}, "tax.gstin", "is missing: a customer of category registered has one"),
        ({"tax": {"category": "unregistered"}}, "tax.gstin", "is set, and the category is unregistered: remove it"),
        ({"tax": {"category": "registred"}}, "tax.category", "must be one of registered, unregistered, sez, overseas"),
        ({"tax": {"category": "overseas", "gstin": None}}, "tax.category", "the billing address is in IN"),
        ({"tax": {"pan": "AABCR1718E"}}, "tax.pan", "is not the PAN in the GSTIN 27AAPFU0939F1ZV"),
        ({"tax": {"tan": "1"}}, "tax.tan", "'1' has 1 characters; a TAN has 10"),
        ({"tax": {"export": "lut"}}, "tax.export", "is for the categories sez and overseas"),
        ({"tax": {"category": "sez", "export": "duty"}}, "tax.export", "must be one of lut, igst"),
        ({"tax": {"gstin": KARNATAKA_GSTIN}}, "addresses.billing.state_code", "is registered in 29 (Karnataka)"),
        ({"code": "a b"}, "code", "must be 1 to 64 letters A-Z"),
        ({"code": "аcme"}, "code", "must be 1 to 64 letters A-Z"),
        ({"legal_name": "a\0b"}, "legal_name", "holds the invisible character U+0000"),
        ({"legal_name": "x" * 10**6}, "legal_name", "has 1,000,000 characters; at most 200 are kept"),
        ({"legal_name": "Acme \u202egro.emca"}, "legal_name", "holds the invisible character U+202E: leave it out"),
        ({"legal_name": "Ac\u200bme"}, "legal_name", "holds the invisible character U+200B"),
        ({"legal_name": "\ud800"}, "legal_name", "holds the invisible character U+D800"),
        ({"legal_name": "एक्मे"}, "legal_name", "invoices are printed in Latin letters"),
        ({"legal_name": "شركة"}, "legal_name", "invoices are printed in Latin letters"),
        ({"legal_name": " "}, "legal_name", "must be a text of 1 to 200 characters"),
        ({"email": "accounts@acme"}, "email", "must be a mail address"),
        ({"email": "a@b.example\r\nBcc: all@b.example"}, "email", "must be a mail address"),
        ({"phone": "12"}, "phone", "must be a telephone number of 7 to 15 digits"),
        ({"currency": "EUR"}, "currency", "must be one of INR, USD, IDR, not 'EUR'"),
        ({"time_zone": "Asia/Calcuta"}, "time_zone", "must be an IANA time zone, e.g. Asia/Kolkata, not 'Asia/Calcuta'"),
        ({"time_zone": "Asia"}, "time_zone", "must be an IANA time zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "must be an IANA time zone"),
        ({"languages": ["english"]}, "languages[0]", "must be a language tag (BCP 47), e.g. en-IN or hi, not 'english'"),
        ({"languages": "en"}, "languages", "must be a list"),
        ({"legal_nam": "Acme"}, "legal_nam", "did you mean 'legal_name'?"),
        ({"addresses": {"biling": {"lines": ["1"]}}}, "addresses.biling", "did you mean 'billing'?"),
        ({"addresses": {"billing": {"lines": []}}}, "addresses.billing.lines", "needs at least one line"),
        ({"addresses": {"billing": {"lines": ["a", "b\u200f"]}}}, "addresses.billing.lines[1]", "invisible character"),
        ({"addresses": {"billing": {"country": "in"}}}, "addresses.billing.country", "the two capital letters of a country"),
        ({"addresses": {"billing": {"country": "XX"}}}, "addresses.billing.country", "the two capital letters of a country"),
        ({"addresses": {"billing": {"state_code": "25"}}}, "addresses.billing.state_code", "historic documents only"),
        ({"addresses": {"billing": {"state_code": 27}}}, "addresses.billing.state_code", "two digits in quotes"),
        ({"addresses": {"billing": {"postal_code": "40002"}}}, "addresses.billing.postal_code", "a PIN of six digits"),
        ({"contacts": [{**ASHA, "roles": ["biling"]}]}, "contacts[0].roles[0]", "did you mean 'billing'?"),
        ({"contacts": {}}, "contacts", "must be a list of at most 50 contacts"),
        ({"notifications": {"invoice_issued": []}}, "notifications.invoice_issued", "it cannot be switched off"),
        ({"notifications": {"balance_low": ["sms"]}}, "notifications.balance_low", "there is no phone"),
        ({"notifications": {"invoice_isued": ["email"]}}, "notifications.invoice_isued", "did you mean 'invoice_issued'?"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named_with_the_way_out_and_nothing_else_is(changes, path, reason):
    (fault,) = faults(a_customer_document(**changes))
    assert fault.startswith(f"{path}: ")
    assert reason in fault
    assert len(fault) < 400


def test_a_fault_found_by_comparing_two_fields_has_its_path_in_an_event_too():
    document = a_customer_document(tax={"category": "registered", "gstin": KARNATAKA_GSTIN})
    with pytest.raises(Invalid) as refused:
        read_customer(document, path="data")
    assert [error.path for error in refused.value.errors] == ["data.addresses.billing.state_code"]


def test_every_fault_of_a_document_is_named_at_once():
    wrong = a_customer_document(
        legal_name=None, email="no", currency="EUR", tax={"gstin": "29AAGCB7383J1Z5"}, contacts=[{"name": "A"}], colour="red"
    )
    assert {fault.split(":")[0] for fault in faults(wrong)} == {
        "legal_name",
        "email",
        "currency",
        "tax.gstin",
        "contacts[0].email",
        "contacts[0].roles",
        "colour",
    }


def test_one_mail_address_is_one_contact():
    (fault,) = faults(a_customer_document(contacts=[ASHA, {**ASHA, "email": "ASHA@ACME.example", "roles": ["owner"]}]))
    assert fault.startswith("contacts[1].email: ")
    assert "that of contacts[0] already" in fault


def test_a_customer_elsewhere_says_its_time_zone():
    assert faults(a_customer_abroad(time_zone=None)) == [
        "time_zone: is missing: its months are the customer's billing months, e.g. America/New_York"
    ]


def test_a_state_is_for_addresses_in_india():
    (fault,) = faults(a_customer_abroad(addresses={"billing": {"state_code": "27"}}))
    assert fault == "addresses.billing.state_code: is for India only, and the country is US: leave it out"


@pytest.mark.parametrize(
    "document", [None, [], "x" * 10**6, 7, {}, {"tax": []}, {"tax": "x", "addresses": 3, "contacts": 1}]
)
def test_anything_at_all_is_refused_and_never_raises_something_else(document):
    assert faults(document)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=12), inner, max_size=3)),
    max_leaves=8,
)
FIELDS = sorted(read_customer(a_customer_document(**FULL)).document())


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3))
def test_whatever_a_field_holds_the_document_is_read_or_refused_with_paths(changes):
    document = {**a_customer_document(**FULL), **changes}
    try:
        read: Customer | list = read_customer(document)
    except Invalid as refused:
        read = list(refused.errors)
    if isinstance(read, Customer):
        assert read_customer(read.document()) == read
    else:
        assert all(error.path and len(str(error)) < 600 for error in read)


def test_a_patch_replaces_what_it_names_removes_what_is_null_and_leaves_the_rest():
    before = read_customer(a_customer_document(**FULL)).document()
    after = merge(
        before, {"phone": None, "addresses": {"shipping": None, "billing": {"city": "Thane"}}, "languages": ["hi"]}
    )
    assert "phone" not in after
    assert "shipping" not in after["addresses"]
    assert after["addresses"]["billing"] == {**before["addresses"]["billing"], "city": "Thane"}
    assert after["languages"] == ["hi"]
    assert before["phone"] == FULL["phone"]
    assert after["contacts"] == before["contacts"]


@pytest.mark.parametrize("patch", [None, [], "x", 1])
def test_a_patch_that_is_no_object_is_refused(patch):
    with pytest.raises(Invalid, match="must be an object with the fields to change"):
        merge({}, patch)


def test_a_patch_nested_without_end_is_refused():
    patch: dict = {}
    for _ in range(10_000):
        patch = {"tax": patch}
    with pytest.raises(Invalid, match="nested deeper"):
        merge({}, patch)


def test_a_move_to_another_state_is_one_change_of_number_and_address():
    moved = merge(
        a_customer_document(),
        {"tax": {"gstin": "29AABCR1718E1ZL"}, "addresses": {"billing": {"state_code": "29", "city": "Bengaluru"}}},
    )
    assert read_customer(moved).place_of_supply == "29"
    assert MAHARASHTRA_GSTIN not in str(read_customer(moved).document())
