"""The summary by service code adds up to the document, to the paisa."""

from hypothesis import given
from hypothesis import strategies as st

from domain.invoice.tax_summary import SacSummary, summarise_by_sac
from tests.builders import ANOTHER_KARNATAKA_GSTIN, a_buyer, a_line, an_invoice

IN_KARNATAKA = a_buyer(gstin=ANOTHER_KARNATAKA_GSTIN, state_code="29")
SACS = ("998313", "998315", "998319")


def test_lines_of_one_code_are_one_row():
    invoice = an_invoice(a_line(sac="998319"), a_line(sac="998315"), a_line(sac="998319"), buyer=IN_KARNATAKA)
    assert summarise_by_sac(invoice) == (
        SacSummary("998319", 290_000, (26_100, 26_100)),
        SacSummary("998315", 145_000, (13_050, 13_050)),
    )


@given(st.lists(st.tuples(st.sampled_from(SACS), st.integers(0, 10**12)), min_size=1, max_size=30))
def test_rows_add_up_to_the_heads_of_the_document(lines):
    invoice = an_invoice(*[a_line(sac=sac, amount_micros=amount) for sac, amount in lines], buyer=IN_KARNATAKA)
    rows = summarise_by_sac(invoice)
    assert sum(row.taxable_minor for row in rows) == invoice.subtotal_minor
    assert [sum(column) for column in zip(*(row.tax_minor for row in rows), strict=True)] == [
        tax.tax_minor for tax in invoice.taxes
    ]
