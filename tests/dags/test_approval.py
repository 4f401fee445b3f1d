"""What an approver reads."""

SUMMARY = {
    "drafts": [
        {"currency": "INR", "invoices": 2, "subtotal": "₹40.00", "tax": "₹7.20", "total": "₹47.20", "prepaid": "₹23.60"}
    ],
    "issued": [],
    "late_lines": 0,
    "failures": [],
}


def test_the_totals_of_each_currency_are_a_table():
    from _approval import approval_body

    body = approval_body(SUMMARY)

    assert "| INR | 2 | ₹40.00 | ₹7.20 | ₹47.20 | ₹23.60 |" in body
    assert "Every account with something due has a draft." in body


def test_accounts_left_out_are_listed_with_their_reason():
    from _approval import approval_body

    failures = [{"account": "torn", "code": "invalid_input", "reason": "buyer.state_code: 29 is not the state of the GSTIN"}]

    body = approval_body({**SUMMARY, "failures": failures})

    assert "**1 accounts are left out**" in body
    assert "- `torn`: buyer.state_code: 29 is not the state of the GSTIN" in body


def test_a_long_list_of_failures_is_cut_and_says_so():
    from _approval import approval_body

    failures = [{"account": f"a{n}", "code": "invalid_input", "reason": "no"} for n in range(45)]

    body = approval_body({**SUMMARY, "failures": failures})

    assert "- `a29`: no" in body
    assert "- and 15 more" in body


def test_a_run_with_nothing_left_says_that_nothing_will_be_issued():
    from _approval import approval_body

    issued = [{"currency": "INR", "invoices": 3}]
    numbers = {"first_number": "OTP/26-27/000001", "last_number": "OTP/26-27/000003"}

    body = approval_body({**SUMMARY, "drafts": [], "issued": issued, "late_lines": 4, **numbers})

    assert "There are no drafts: nothing will be issued." in body
    assert "Issued already: 3 (OTP/26-27/000001 to OTP/26-27/000003)" in body
    assert "arrived late: 4" in body
