"""`billing plans` and `billing price`: as product people use them, with files in a folder."""

import json
from pathlib import Path

import pytest
import yaml

from tests.builders_plans import a_charge, a_fee, a_plan, per_unit

ROOT = Path(__file__).resolve().parents[2]
PLANS = ROOT / "docs" / "examples" / "plans"
USAGE = ROOT / "docs" / "examples" / "usage"


@pytest.fixture
def plan_file(tmp_path, monkeypatch):
    """Writes a plan file into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(document, name="plan.yaml"):
        Path(name).write_text(yaml.safe_dump(document, sort_keys=False))
        return name

    return write


def test_files_are_validated_each_with_all_its_faults(billing, plan_file):
    good = plan_file(a_plan(), "good.yaml")
    bad = plan_file(a_plan(a_charge(sac="1", price=per_unit("-1")), currency="EUR"), "bad.yaml")
    Path("worse.yaml").write_text("a: &x 1")

    said = billing("plans", "validate", good, bad, "worse.yaml", "none.yaml", "--json")

    assert said.code == 1
    results = json.loads(said.out)
    assert [(result["file"], result["plan"], result["valid"]) for result in results] == [
        ("good.yaml", "otp-india", True),
        ("bad.yaml", None, False),
        ("worse.yaml", None, False),
        ("none.yaml", None, False),
    ]
    assert [error["path"] for error in results[1]["errors"]] == ["currency", "charges[0].sac", "charges[0].price.unit_price"]
    assert results[2]["errors"][0]["reason"].startswith("worse.yaml:1: anchors and aliases are not read")
    assert billing("plans", "validate", good).code == 0
    shown = billing("plans", "validate", good, bad).out.splitlines()
    assert shown[0] == "good.yaml: good, plan otp-india"
    assert shown[1] == "bad.yaml: currency: must be one of INR, USD, IDR, not 'EUR'"


def test_two_files_are_compared_without_a_database(billing, plan_file):
    old = plan_file(a_plan(a_charge(price=per_unit("0.20"))), "old.yaml")
    new = plan_file(a_plan(a_charge(price=per_unit("0.25")), a_fee()), "new.yaml")

    lines = billing("plans", "diff", old, new).out.splitlines()

    assert lines[0] == "~ charges[otp.delivered].price.unit_price: 0.2 → 0.25"
    assert lines[1].startswith('+ charges[platform]: {"code": "platform"')
    assert json.loads(billing("plans", "diff", old, new, "--json").out)[0]["new"] == "0.25"
    assert billing("plans", "diff", old, old).out == "they mean the same\n"


@pytest.mark.engines
def test_a_file_is_published_compared_shown_and_listed(database, billing, plan_file):
    file = plan_file(a_plan())
    assert json.loads(billing("plans", "publish", file, "--by", "asha", "--json").out) == {
        "plan": "otp-india",
        "version": 1,
        "new": True,
        "new_meters": ["otp.delivered"],
        "changes": 4,
    }
    assert json.loads(billing("plans", "publish", file, "--json").out)["new"] is False
    assert billing("plans", "diff", file).out == "they mean the same\n"

    newer = plan_file(a_plan(a_charge(price=per_unit("0.30"))))
    assert billing("plans", "diff", newer).out == "~ charges[otp.delivered].price.unit_price: 0.2 → 0.3\n"
    assert json.loads(billing("plans", "publish", newer, "--json").out)["version"] == 2

    Path("shown.yaml").write_text(billing("plans", "show", "otp-india").out)
    assert billing("plans", "diff", "shown.yaml", newer).out == "they mean the same\n"
    first = json.loads(billing("plans", "show", "otp-india", "--version", "1", "--json").out)
    assert (first["version"], first["document"]) == (1, a_plan())
    listed = json.loads(billing("plans", "list", "--json").out)
    assert [(row["plan"], row["version"], row["charges"], row["subscribed"]) for row in listed] == [
        ("otp-india", 2, 1, 0),
        ("otp-india", 1, 1, 0),
    ]
    assert billing("plans", "show", "nothing").code == 1
    assert billing("plans", "validate", file, "--published").code == 0
    unknown = plan_file(a_plan(a_charge(meter=..., meters=["nobody"])))
    assert billing("plans", "validate", unknown).code == 0
    assert billing("plans", "validate", unknown, "--published").code == 1
    refused = billing("plans", "publish", unknown)
    assert (refused.code, "charges[0].meters[0]: meter 'nobody' is neither" in refused.err) == (2, True)


EXPECTED = {
    # 1,000 × 0.1850 + 2,500 × 0.1450 + 10 × 5.25 + (1,000 × 0.12 + 500 × 0.095); 10 % off all but the links; the fee
    "otp-india.csv": {
        "usage": "767.500000",
        "adjustments": "-60.000000",
        "fees": "999.000000",
        "total": "1706.500000",
        "invoiced": "1706.50",
    },
    # 120,000 × 0.14 + 120,000 × 0.01 + 3,000 × 0.05 + 2 × 42; 500 free, then 2.5 % off 17,500; a quarter and the set-up
    "otp-enterprise.yaml": {
        "usage": "18234.000000",
        "adjustments": "-937.500000",
        "fees": "29999.000000",
        "total": "47295.500000",
        "invoiced": "47295.50",
    },
    # A step in the trial and one after it; payments 0.02 + 0.15 % of 100 and at most 1.50 of 5,000; the trial's step is free
    "otp-global.json": {
        "usage": "51.670000",
        "adjustments": "-25.000000",
        "fees": "0.000000",
        "total": "26.670000",
        "invoiced": "26.67",
    },
}


@pytest.mark.parametrize("usage", sorted(path.name for path in USAGE.iterdir()))
def test_the_examples_are_quoted(billing, usage):
    said = billing("price", "quote", "--plan", str(PLANS / f"{Path(usage).stem}.yaml"), "--usage", str(USAGE / usage))
    quote = json.loads(said.out)
    assert (said.code, quote["totals"], quote["unpriced"]) == (0, EXPECTED[usage], [])
    assert all(line["explanation"] for line in quote["lines"])


def test_every_example_plan_has_usage_that_is_quoted():
    assert {path.stem for path in PLANS.iterdir()} == {path.stem for path in USAGE.iterdir()}


def test_a_quote_says_what_is_wrong_with_its_files(billing, plan_file):
    file = plan_file(a_plan())
    Path("usage.json").write_text('[{"type": "otp.delivered", "quantity": "x"}]')
    refused = billing("price", "quote", "--plan", file, "--usage", "usage.json")
    assert (refused.code, "[0].quantity: must be a number" in refused.err) == (2, True)
    refused = billing("price", "quote", "--plan", file, "--usage", "usage.json", "--time-zone", "Mars/Base")
    assert (refused.code, "'Mars/Base' is not a time zone" in refused.err) == (2, True)


def test_the_schema_is_printed(billing):
    published = json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_text())
    assert json.loads(billing("plans", "schema").out) == published
