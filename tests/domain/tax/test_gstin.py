"""GSTINs: the samples published by the authorities, and what is said about wrong ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.tax.gstin import GstinKind, check_character, fault_of, parse_gstin

VALID = (
    "27AAPFU0939F1ZV",
    "29AABCR1718E1ZL",
    "24AANFA2641L1ZF",
    "24AAQCA8719H1ZC",
    "05AAACG2115R1ZN",
    "05AAACG2140A1ZL",
    "29AAHCM7727Q1ZI",
    "24AABCR6898M1ZN",
    "01AAAAP1208Q1ZS",
    "33AAAAR6720M1ZG",
    "27AAJCS5738D1Z6",
    "36AASFP8573D2ZN",
    "24AAUPV7468F1ZW",
    "29AAGCB7383J1Z4",
    "20ALYPD6528PQC5",
    "29AABCF8078M1C8",
    "27AAECG3736E1C2",
)
SANDBOX = (
    "02AMBPG7773M002",
    "01AMBPG7773M002",
    "36AMBPG7773M002",
    "29AWGPV7107B1Z1",
    "37ARZPT4384Q1MT",
    "34AACCC1596Q002",
)
MISTYPED = ("29AAFCA7488L1Z0", "24AANFA2641L1ZK", "01AABCE2207R1Z5", "33AAACP1935C1ZE")


@pytest.mark.parametrize("gstin", VALID)
def test_published_numbers_are_accepted(gstin):
    assert fault_of(gstin) is None
    assert parse_gstin(gstin).state_code == gstin[:2]


@pytest.mark.parametrize("gstin", SANDBOX)
def test_numbers_of_the_test_portal_are_accepted_only_in_the_sandbox(gstin):
    assert fault_of(gstin) is not None
    assert fault_of(gstin, sandbox=True) is None
    assert parse_gstin(gstin, sandbox=True).text == gstin


@pytest.mark.parametrize("gstin", MISTYPED)
def test_a_mistyped_number_is_caught_by_its_check_character(gstin):
    expected = check_character(gstin[:-1])
    assert fault_of(gstin) == f"ends in {gstin[-1]} where the check character is {expected}: a character is mistyped"


@pytest.mark.parametrize(("first_fourteen", "expected"), [("27AAPFU0939F1Z", "V"), ("29AABCR1718E1Z", "L")])
def test_the_check_character_of_the_worked_examples(first_fourteen, expected):
    assert check_character(first_fourteen) == expected


@given(st.sampled_from(VALID), st.integers(0, 13), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_any_single_wrong_character_is_noticed(gstin, position, character):
    wrong = gstin[:position] + character + gstin[position + 1 :]
    assert (fault_of(wrong) is None) == (wrong == gstin)


@pytest.mark.parametrize(
    ("gstin", "fault"),
    [
        ("", "has 0 characters"),
        ("29AAGCB7383J1Z", "has 14 characters"),
        ("29AAGCB7383J1Z44", "has 16 characters"),
        ("29aagcb7383j1z4", "digits and capital letters only"),
        ("29AAGCB7383J1Z ", "digits and capital letters only"),
        ("29AAGCB7383J1Z٤", "digits and capital letters only"),
        ("39AAGCB7383J1Z4", "begins with 39, which is no state's code"),
        ("96AAGCB7383J1Z4", "begins with 96, which is no state's code"),
        ("29AAG7B7383J1Z4", "does not have the shape of a GSTIN"),
    ],
)
def test_what_is_wrong_is_said(gstin, fault):
    assert fault in fault_of(gstin)


def test_a_refused_number_names_its_field():
    with pytest.raises(InvalidInput, match=r"buyer\.gstin: '29AAGCB7383J1Z5' ends in 5") as refused:
        parse_gstin("29AAGCB7383J1Z5", field="buyer.gstin")
    assert refused.value.facts == {"field": "buyer.gstin", "gstin": "29AAGCB7383J1Z5"}


def _with_check(first_fourteen):
    return first_fourteen + check_character(first_fourteen)


@pytest.mark.parametrize(
    ("gstin", "kind", "pan"),
    [
        ("29AAGCB7383J1Z4", GstinKind.REGULAR, "AAGCB7383J"),
        ("29AABCF8078M1C8", GstinKind.TAX_COLLECTOR, "AABCF8078M"),
        (_with_check("29BLRA12345E1D"), GstinKind.TAX_DEDUCTOR, None),
        (_with_check("29BLRA12345E1Z"), GstinKind.GOVERNMENT, None),
        (_with_check("9917USA12345OS"), GstinKind.ONLINE_SERVICE_FROM_ABROAD, None),
        (_with_check("0717USA12345NR"), GstinKind.NON_RESIDENT, None),
        (_with_check("0717UNO00211UN"), GstinKind.EMBASSY_OR_UN, None),
    ],
)
def test_the_shape_tells_who_holds_it(gstin, kind, pan):
    parsed = parse_gstin(gstin)
    assert (parsed.kind, parsed.pan) == (kind, pan)
