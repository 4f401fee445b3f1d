"""PAN and TAN: shapes, kinds of holders, and the PAN inside a GSTIN."""

import pytest

from domain.tax.gstin import parse_gstin
from domain.tax.pan import pan_fault, tan_fault

MAHARASHTRA = parse_gstin("27AAPFU0939F1ZV")


@pytest.mark.parametrize(
    "gstin", ["27AAPFU0939F1ZV", "29AABCR1718E1ZL", "01AAAAP1208Q1ZS", "24AAUPV7468F1ZW", "20ALYPD6528PQC5"]
)
def test_the_pan_inside_a_published_gstin_is_one(gstin):
    parsed = parse_gstin(gstin)
    assert pan_fault(gstin[2:12], gstin=parsed) is None
    assert parsed.pan == gstin[2:12]


@pytest.mark.parametrize(
    ("pan", "reason"),
    [
        ("AAPFU0939", "has 9 characters; a PAN has 10"),
        ("AAPFU0939FF", "has 11 characters"),
        ("AAPFU09399", "does not have the shape of a PAN"),
        ("aapfu0939f", "does not have the shape of a PAN"),
        ("ААPFU0939F", "does not have the shape of a PAN"),
        ("AAPXU0939F", "has X as its fourth letter, which stands for no kind of holder"),
        ("AABCR1718E", "is not the PAN in the GSTIN 27AAPFU0939F1ZV, which is AAPFU0939F"),
    ],
)
def test_a_pan_that_is_none_or_not_this_one_is_refused_with_the_reason(pan, reason):
    assert reason in pan_fault(pan, gstin=MAHARASHTRA)


def test_the_pan_of_the_gstin_is_taken():
    assert pan_fault("AAPFU0939F", gstin=MAHARASHTRA) is None


@pytest.mark.parametrize(
    ("tan", "reason"),
    [("BLRA12345B", None), ("BLRA1234B", "has 9"), ("BLR112345B", "shape of a TAN"), ("blra12345b", "shape of a TAN")],
)
def test_a_tan_is_four_letters_five_digits_and_a_letter(tan, reason):
    fault = tan_fault(tan)
    assert (fault is None) if reason is None else (reason in fault)
