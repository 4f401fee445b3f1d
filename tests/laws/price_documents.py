"""Generated price documents of every model, with every option, as a plan file has them."""

from decimal import Decimal

from hypothesis import strategies as st

from domain.pricing import MODELS

prices = st.integers(0, 3_000_000).map(lambda micros: f"{Decimal(micros) / 1_000_000:f}")
"""Up to 3 units of currency, to the micro."""
fees = st.integers(0, 5_000).map(lambda hundredths: f"{Decimal(hundredths) / 100:f}")
bounds = st.one_of(st.integers(1, 60), st.integers(1, 60_000_000).map(lambda m: f"{Decimal(m) / 1_000_000:f}"))


def _numbers(bound):
    return Decimal(bound)


@st.composite
def _tiers(draw, *, unit_priced=True):
    ends = sorted(draw(st.lists(bounds, max_size=3, unique_by=_numbers)), key=_numbers)
    tiers = []
    for end in [*ends, None]:
        tier = {} if end is None else {"up_to": end}
        if unit_priced:
            tier["unit_price"] = draw(prices)
        if not unit_priced or draw(st.booleans()):
            tier["flat_fee"] = draw(fees)
        tiers.append(tier)
    return tiers


@st.composite
def _options(draw):
    options = {}
    if draw(st.booleans()):
        options["free_units"] = draw(bounds)
    if draw(st.booleans()):
        options["corrections"] = "reprice"
    return options


@st.composite
def _tiered(draw, model):
    flat = {"flat_at_zero": True} if draw(st.booleans()) else {}
    return {"model": model, "tiers": draw(_tiers()), **flat, **draw(_options())}


@st.composite
def _per_unit(draw):
    return {"model": "per_unit", "unit_price": draw(prices), **draw(_options())}


@st.composite
def _package(draw):
    whole = {"packages": "completed"} if draw(st.booleans()) else {}
    return {"model": "package", "package_size": draw(bounds), "package_price": draw(fees), **whole, **draw(_options())}


@st.composite
def _stairstep(draw):
    steps = {"steps": "passed"} if draw(st.booleans()) else {}
    flat = {"flat_at_zero": True} if draw(st.booleans()) else {}
    return {"model": "stairstep", "tiers": draw(_tiers(unit_priced=False)), **steps, **flat, **draw(_options())}


@st.composite
def _percentage(draw):
    low, high = sorted((draw(fees), draw(fees)), key=Decimal)
    bounded = {name: value for name, value in {"minimum": low, "maximum": high}.items() if draw(st.booleans())}
    fixed = {"fixed": draw(fees)} if draw(st.booleans()) else {}
    corrections = {"corrections": "reprice"} if draw(st.booleans()) else {}
    percent = f"{Decimal(draw(st.integers(0, 100_000_000))) / 1_000_000:f}"
    return {"model": "percentage", "percent": percent, **fixed, **bounded, **corrections}


BY_MODEL = {
    "per_unit": _per_unit(),
    "package": _package(),
    "graduated": _tiered("graduated"),
    "volume": _tiered("volume"),
    "stairstep": _stairstep(),
    "percentage": _percentage(),
}


of_totals = st.one_of([strategy for model, strategy in BY_MODEL.items() if not MODELS[model].per_event])
of_events = st.one_of([strategy for model, strategy in BY_MODEL.items() if MODELS[model].per_event])
