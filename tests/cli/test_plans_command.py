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
    assert shown[0] == f"good.yaml: good, plan otp-india, digest {results[0]['digest'][:12]}"
    assert shown[1] == "bad.yaml: currency: must be one of INR, USD, IDR, not 'EUR'"


def test_two_files_are_compared_without_a_database(billing, plan_file):
    old = plan_file(a_plan(a_charge(price=per_unit("0.20"))), "old.yaml")
    new = plan_file(a_plan(a_charge(price=per_unit("0.25")), a_fee()), "new.yaml")

    lines = billing("plans", "diff", old, new).out.splitlines()

    assert lines[:3] == [
        "~ charges[otp.delivered].price.unit_price: 0.2 → 0.25 (+25.00%)",
        "+ charges[platform]:",
        "+   code: platform",
    ]
    assert max(map(len, lines)) <= 100
    change, *_ = json.loads(billing("plans", "diff", old, new, "--json").out)
    assert (change["old"], change["new"], change["percent"]) == ("0.2", "0.25", "+25.00")
    assert billing("plans", "diff", old, old).out == "they mean the same\n"


@pytest.mark.engines
def test_a_file_is_published_compared_shown_and_listed(database, billing, plan_file):
    file = plan_file(a_plan())
    digest = json.loads(billing("plans", "validate", file, "--json").out)[0]["digest"]
    assert json.loads(billing("plans", "publish", file, "--by", "asha", "--json").out) == {
        "plan": "otp-india",
        "version": 1,
        "new": True,
        "digest": digest,
        "new_meters": ["otp.delivered"],
        "changes": 4,
    }
    assert json.loads(billing("plans", "publish", file, "--json").out)["new"] is False
    assert billing("plans", "diff", file).out == "they mean the same\n"

    newer = plan_file(a_plan(a_charge(price=per_unit("0.30"))))
    assert billing("plans", "diff", newer).out == "~ charges[otp.delivered].price.unit_price: 0.2 → 0.3 (+50.00%)\n"
    assert json.loads(billing("plans", "publish", newer, "--json").out)["version"] == 2

    Path("shown.yaml").write_text(billing("plans", "show", "otp-india").out)
    assert billing("plans", "diff", "shown.yaml", newer).out == "they mean the same\n"
    first = json.loads(billing("plans", "show", "otp-india", "--version", "1", "--json").out)
    assert (first["version"], first["digest"], first["document"]) == (1, digest, a_plan())
    listed = json.loads(billing("plans", "list", "--json").out)
    assert [(row["plan"], row["version"], row["charges"], row["subscribed"]) for row in listed] == [
        ("otp-india", 2, 1, 0),
        ("otp-india", 1, 1, 0),
    ]
    assert billing("plans", "show", "nothing").code == 1
    assert billing("plans", "validate", file, "--published").code == 0
    dearest = plan_file(a_plan(a_charge(price=per_unit("0.40"))))
    begins = "2027-01-01T00:00:00+05:30"
    assert json.loads(billing("plans", "publish", dearest, "--from", begins, "--json").out)["version"] == 3
    assert "from 2026-12-31 18:30:00 UTC on" in billing("plans", "show", "otp-india").out.splitlines()[0]
    assert json.loads(billing("plans", "list", "--json").out)[0]["from"] == "2026-12-31 18:30:00+00:00"
    assert "has no time zone" in billing("plans", "publish", dearest, "--from", "2027-01-01").err
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
    assert refused.err.startswith("billing: usage.json: [0].quantity: ")
    Path("usage.csv").write_text("type,quantity\notp.delivered,1\notp.delivered,x\n")
    refused = billing("price", "quote", "--plan", file, "--usage", "usage.csv")
    assert refused.err.startswith("billing: usage.csv: row 2.quantity: must be a number")
    bad = plan_file(a_plan(a_charge(sac="1")), "bad.yaml")
    refused = billing("price", "quote", "--plan", bad, "--usage", "usage.csv")
    assert refused.err.startswith("billing: bad.yaml: charges[0].sac: must be")


@pytest.mark.parametrize("name", ["Mars/Base", "America", "", "..", "/etc/passwd"])
def test_a_quote_in_no_time_zone_is_refused(billing, plan_file, name):
    refused = billing("price", "quote", "--plan", plan_file(a_plan()), "--usage", "none.csv", "--time-zone", name)
    assert (refused.code, f"{name!r} is not a time zone, e.g. Asia/Kolkata" in refused.err) == (2, True)


def test_of_two_files_that_are_compared_the_bad_one_is_named(billing, plan_file):
    good, bad = plan_file(a_plan(), "good.yaml"), plan_file(a_plan(currency="EUR"), "bad.yaml")
    refused = billing("plans", "diff", good, bad)
    assert (refused.code, refused.err) == (2, "billing: bad.yaml: currency: must be one of INR, USD, IDR, not 'EUR'\n")


def test_of_very_many_faults_the_first_are_listed(billing, plan_file):
    bad = plan_file(a_plan(charges=[a_charge(f"m{number}", sac="1") for number in range(150)]))
    for said in (billing("plans", "validate", bad).out, billing("plans", "diff", bad, bad).err):
        assert len(said.splitlines()) == 51
        assert said.endswith("and 100 more: mend these first\n")
    (result,) = json.loads(billing("plans", "validate", bad, "--json").out)
    assert len(result["errors"]) == 150


def test_the_schema_is_printed(billing):
    published = json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_text())
    assert json.loads(billing("plans", "schema").out) == published


@pytest.mark.parametrize("name", ["", "  ", "asha\n", "x" * 101])
def test_nobody_publishes_without_a_name(billing, plan_file, name):
    refused = billing("plans", "publish", plan_file(a_plan()), "--by", name)
    assert (refused.code, "must be a name of 1 to 100 characters" in refused.err) == (2, True)


def test_an_argument_that_is_not_utf_8_is_refused_in_a_sentence(billing):
    refused = billing("plans", "show", "otp\udcff")
    assert (refused.code, refused.err) == (2, "billing: argument 'otp\\udcff' is not UTF-8: write it in that encoding\n")


@pytest.mark.engines
def test_a_version_larger_than_the_books_can_hold_is_refused_in_a_sentence(billing, database):
    refused = billing("plans", "show", "otp-india", "--version", "99999999999999999999")
    assert (refused.code, "does not fit into the books" in refused.err) == (2, True)


@pytest.mark.parametrize("month", ["0000-01", "9999-12", "\uff12026-10", "2026-13", "10-2026"])
def test_a_what_if_of_no_month_is_a_usage_error(billing, plan_file, month):
    refused = billing("simulate-plan", "--plan", plan_file(a_plan()), "--all", "--from", month)
    assert (refused.code, "Invalid value for '--from'" in refused.err) == (2, True)
