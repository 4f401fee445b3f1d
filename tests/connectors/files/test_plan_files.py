"""Files of plans and usage: read exactly as written, or refused with the line."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.files.plan_files import FILE_BYTES_MAX, read_plan_file, read_usage_file
from domain.errors import Invalid, InvalidInput, NotFound
from domain.plans import read_plan
from tests.builders_plans import a_charge, a_plan, per_unit


def written(folder: Path, content: str | bytes, name: str = "plan.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_yaml_is_read_without_guessing(tmp_path):
    text = """
    country: NO
    other: [on, yes, y, 1:30, 2026-10-01, 0x1F, 0123, 1_000, "1", '0.5', .inf, <<]
    numbers: [1, -2, +3, 0]
    nothing: [~, null, ]
    booleans: [true, false]
    <<: text
    long: >
      folded
      text
    """
    assert read_plan_file(written(tmp_path, text)) == {
        "country": "NO",
        "other": ["on", "yes", "y", "1:30", "2026-10-01", "0x1F", "0123", "1_000", "1", "0.5", ".inf", "<<"],
        "numbers": [1, -2, 3, 0],
        "nothing": [None, None],
        "booleans": [True, False],
        "<<": "text",
        "long": "folded text\n",
    }


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "[0.1850, 1e-3, .5]"), ("a.json", "[0.1850, 1e-3, 0.5]")])
def test_a_decimal_without_quotes_never_becomes_binary(tmp_path, name, text):
    numbers = read_plan_file(written(tmp_path, text, name))
    assert [(type(number), str(number)) for number in numbers] == [
        (Decimal, "0.1850"),
        (Decimal, "0.001"),
        (Decimal, "0.5"),
    ]


def test_a_price_without_quotes_is_refused_where_it_stands(tmp_path):
    path = written(tmp_path, "code: x\nname: y\ncurrency: INR\ncharges: [{meter: otp, description: d, sac: 998319, unit: u, "
                             "price: {model: per_unit, unit_price: 0.1850}}]")  # fmt: skip
    with pytest.raises(Invalid) as refused:
        read_plan(read_plan_file(path))
    assert [str(error) for error in refused.value.errors] == [
        'charges[0].sac: must be 4, 6 or 8 digits in quotes, e.g. "998319", not 998319',
        'charges[0].price.unit_price: must be a decimal in quotes, e.g. "0.1450", not 0.1850',
    ]


def test_json_and_yaml_of_the_same_plan_are_the_same(tmp_path):
    import json

    document = a_plan(a_charge(price=per_unit("0.1850")))
    as_json = written(tmp_path, json.dumps(document, indent=1), "plan.json")
    as_yaml = written(tmp_path, json.dumps(document, indent=1), "plan.yml")
    assert read_plan_file(as_json) == read_plan_file(as_yaml) == document


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\n"


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("p.yaml", BOMB, "p.yaml:1: anchors and aliases are not read"),
        ("p.yaml", "a: 1\nb: *a", "p.yaml:2: anchors and aliases are not read"),
        ("p.yaml", "&a b: 1", "p.yaml:1: anchors and aliases are not read"),
        ("p.yaml", "a: 1\nb: !!python/object/apply:os.system ['x']", "p.yaml:2: the tag tag:yaml.org,2002:python/object"),
        ("p.yaml", "a: !!str 1", "p.yaml:1: the tag"),
        ("p.yaml", "a: 1\nb: 2\na: 3", "p.yaml:3: 'a' is there twice in one mapping"),
        ("p.yaml", "a: {b: 1, b: 2}", "p.yaml:1: 'b' is there twice"),
        ("p.yaml", "? [a]\n: 1", "p.yaml:1: the name of a field must be a text"),
        ("p.yaml", "a: 1\n---\nb: 2", "p.yaml:2: a second document begins"),
        ("p.yaml", "a: [1\nb: 2", "p.yaml:2: "),
        ("p.yaml", "a: b: c", "p.yaml:1: mapping values are not allowed"),
        ("p.yaml", "a: 1\nb: \x01", "p.yaml"),
        ("p.yaml", "[" * 50 + "]" * 50, "p.yaml:1: is nested more than 20 levels deep"),
        ("p.yaml", "a: " + "9" * 5_000, "p.yaml:1: 99999999999999999999… is a number of 5,000 characters"),
        ("p.yaml", b"a: 1\nb: \xff", "p.yaml:2: is not UTF-8"),
        ("p.yaml", b"#" * (FILE_BYTES_MAX + 1), "p.yaml: is larger than 2,097,152 bytes"),
        ("p.json", '{"a": 1,\n "b": {"c": 1,\n\n "c": 2}}', "p.json:4: 'c' is there twice in one object"),
        ("p.json", '{"b": [{"a": 1}, {"a": 1}],\n"b": 2}', "p.json:2: 'b' is there twice"),
        ("p.json", '{"a": NaN}', "p.json: NaN is no number"),
        ("p.json", "{'a': 1}", "p.json:1: is not JSON"),
        ("p.json", '{"a": ' + "9" * 5_000 + "}", "p.json: 99999999999999999999… is a number of 5,000 characters"),
        ("p.json", "[" * 100_000, "p.json: is nested more than 20 levels deep"),
        ("p.txt", "a: 1", "p.txt: is neither a .yaml, a .yml nor a .json file"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path, monkeypatch, name, content, refusal):
    written(tmp_path, content, name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as refused:
        read_plan_file(Path(name))
    assert str(refused.value).startswith(refusal)


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="there is no such file"):
        read_plan_file(tmp_path / "none.yaml")


def test_usage_in_csv_is_a_row_for_each_line_by_column(tmp_path):
    path = written(tmp_path, "\ufefftype,quantity,channel\notp.delivered,2.5,sms\n\notp.delivered,,\n", "usage.csv")
    assert read_usage_file(path) == [
        {"type": "otp.delivered", "quantity": "2.5", "channel": "sms"},
        {"type": "otp.delivered"},
    ]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("", ":1: must name each column once"),
        ("a,a\n1,2", ":1: must name each column once"),
        ("a,b\n1,2,3", ":2: has 3 cells and the heading 2"),
        ('a,b\n"1,2', ":2: is not CSV"),
    ],
)
def test_usage_that_is_no_table_is_refused_with_its_line(tmp_path, content, refusal):
    path = written(tmp_path, content, "usage.csv")
    with pytest.raises(InvalidInput) as refused:
        read_usage_file(path)
    assert str(refused.value).startswith(f"{path}{refusal}")
