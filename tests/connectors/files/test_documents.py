"""Files people write: YAML and JSON alike, and nothing a file could do to the one who reads it."""

import io
import json
import sys
from decimal import Decimal

import pytest

from connectors.files.documents import BYTES_MAX, parse_document, read_document
from domain.errors import InvalidInput


def test_yaml_holds_what_json_holds():
    text = 'a: 1\nb: no\nc: 2026-01-01\nd: 1.50\ne: "27"\nf: [1, true, null, ~]\ng:\nh: 027\ni: 1e3\n'
    assert parse_document(text) == {
        "a": 1,
        "b": "no",
        "c": "2026-01-01",
        "d": Decimal("1.50"),
        "e": "27",
        "f": [1, True, None, None],
        "g": None,
        "h": "027",
        "i": "1e3",
    }


def test_json_is_read_as_json():
    value = {"a": [1, 1.5, "x\U0001f600", None], "b": {"c": "\u2028"}}
    assert parse_document(json.dumps(value)) == {**value, "a": [1, Decimal("1.5"), "x\U0001f600", None]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: *x", "line 2, column 4: anchors and aliases are not read"),
        ("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]", "anchors and aliases are not read"),
        ("a: 1\na: 2", "line 2, column 1: 'a' stands twice"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!timestamp 2020-01-01", "timestamp is not read"),
        ("[" * 100_000, "nested deeper than 20 levels"),
        ("- " * 100_000 + "a", "nested deeper than 20 levels"),
        ("a: [", "line 1, column 5"),
        ("? [1]\n: 2", "a name must be a text"),
        ("a: 1\0", "it is not YAML: unacceptable character #x0000"),
        ("a: 1\n---\nb: 2", "found another document"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_the_place(text, reason):
    with pytest.raises(InvalidInput) as refused:
        parse_document(text)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_number_without_end_stays_a_text():
    assert parse_document("a: " + "9" * 10_000) == {"a": "9" * 10_000}
    assert parse_document('{"a": ' + "9" * 10_000 + "}") == {"a": "9" * 10_000}


def test_a_file_is_named_with_what_is_wrong(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text("a: [")
    for content, reason in (
        (b"a: [", "line 1"),
        (b"a: \xff", "is not UTF-8"),
        (b"x" * (BYTES_MAX + 1), "more than 1,048,576"),
    ):
        file.write_bytes(content)
        with pytest.raises(InvalidInput, match=rf"file: {file}.*{reason}"):
            read_document(str(file))
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(str(tmp_path / "none.yaml"))
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(str(tmp_path))


def test_a_hyphen_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"code: acme")))
    assert read_document("-") == {"code": "acme"}
