"""Files of customers and accounts: read as plans are, named with what is wrong, standard input too."""

import io
import json
import sys

import pytest

from connectors.files.documents import BYTES_MAX, parse_document, read_document
from domain.errors import InvalidInput


def test_a_file_in_either_notation_is_the_same_document(tmp_path):
    value = {"code": "acme", "languages": ["en-IN"], "addresses": {"billing": {"country": "NO"}}}
    as_json, as_yaml = tmp_path / "a.json", tmp_path / "a.yaml"
    as_json.write_text("\ufeff" + json.dumps(value))
    as_yaml.write_text("code: acme\nlanguages: [en-IN]\naddresses: {billing: {country: NO}}\n")
    assert read_document(str(as_json)) == read_document(str(as_yaml)) == value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: [", ":2: did not find expected node content"),
        (b"a: &x [1]\nb: *x", ":1: anchors and aliases are not read"),
        (b"a: 1\na: 2", ":2: 'a' is there twice"),
        (b"[" * 10_000, "is nested more than 20 levels"),
        (b"a: \xff", "is not UTF-8 \\(byte 3\\)"),
        (b"x" * (BYTES_MAX + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_none_is_named_with_the_reason(tmp_path, content, reason):
    file = tmp_path / "acme.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"acme\.yaml.*({reason})"):
        read_document(str(file))


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_document(str(path))


def test_a_hyphen_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"code: acme")))
    assert read_document("-") == {"code": "acme"}


def test_a_value_on_the_command_line_is_read_alike():
    assert parse_document("[en-IN, hi]", name="set") == ["en-IN", "hi"]
