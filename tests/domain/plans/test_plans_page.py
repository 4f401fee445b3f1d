"""docs/plans.md: what it shows is what is read."""

import re
from pathlib import Path

from connectors.files.exact_documents import read_yaml
from domain.plans import read_plan
from domain.plans.quoted_usage import read_usage

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "plans.md").read_text()
PLAN, USAGE = (read_yaml(block, name="docs/plans.md") for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def test_the_plan_of_the_page_is_read_with_a_charge_of_every_kind():
    plan = read_plan(PLAN)
    assert [row.kind for row in plan.rows()] == [
        "usage",
        "recurring",
        "one_time",
        "commitment",
        "adjustment",
        "adjustment",
        "adjustment",
    ]


def test_the_usage_of_the_page_is_read():
    assert [(one.subject, one.name) for one in read_usage(USAGE, measured=())] == [
        ("type", "otp.delivered"),
        ("charge", "otp"),
        ("meter", "people"),
    ]
