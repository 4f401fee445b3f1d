"""The examples of docs/pricing.md come to the amounts the page says."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from domain.pricing import MODELS, read_price

PAGE = (Path(__file__).parents[3] / "docs/pricing.md").read_text()
BLOCK = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
EXAMPLES = [
    (yaml.safe_load(document)[0], [pair.split(" = ") for pair in amounts.split(", ")])
    for document, amounts in re.findall(r"(^- .*?)\n# (.*?)\n", BLOCK, re.DOTALL | re.MULTILINE)
]


@pytest.mark.parametrize(("document", "amounts"), EXAMPLES, ids=[document["model"] for document, _ in EXAMPLES])
def test_each_example_costs_what_the_page_says(document, amounts):
    price = read_price(document, path="price")
    assert amounts
    for quantity, amount in amounts:
        assert price.amount_micros(int(Decimal(quantity) * 1_000_000)) == int(Decimal(amount) * 1_000_000), quantity


def test_every_model_has_an_example():
    assert {document["model"] for document, _ in EXAMPLES} == set(MODELS)
    assert len(EXAMPLES) == 7


def test_every_option_is_explained():
    options = {name for model in MODELS.values() for name in model.schema["properties"]}
    assert {name for name in options if f"`{name}`" not in PAGE and f"{name}:" not in PAGE} == set()
