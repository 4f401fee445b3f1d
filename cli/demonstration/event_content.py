"""What one event of the demonstration says: meter, channel, country, operator, quantity; and how it is said again."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from cli.demonstration import catalogue
from cli.demonstration.bad_records import Event
from cli.demonstration.customers import Subscriber

_METERS: Final = (catalogue.OTP, catalogue.MAGIC_LINK, catalogue.VOICE, catalogue.SILENT)
_METER_WEIGHTS: Final = (80, 11, 5, 4)
_CHANNELS: Final = ("sms", "whatsapp", "email", "rcs", "viber")
_CHANNEL_WEIGHTS: Final = {"IN": (45, 42, 8, 5, 0), "ID": (34, 55, 10, 0, 1)}
_CHANNEL_WEIGHTS_ELSEWHERE: Final = (55, 24, 20, 0, 1)
_OPERATORS: Final = {"IN": ("jio", "airtel", "vi", "bsnl"), "ID": ("telkomsel", "indosat", "xl")}
_ABROAD: Final = ("US", "AE", "SG", "GB", "ID", "MY", "DE")
_AT_HOME: Final = 0.94
_APPS: Final = ("android", "ios", "web")
_USERS: Final = 600
"""How many different people an account may have in a run."""


@dataclass(frozen=True, slots=True)
class Content:
    """What happened; `data` is the CloudEvents data, without quantity where it is 1."""

    meter: str
    data: dict[str, Any]
    quantity_millionths: int


def draw_content(random: Random, subscriber: Subscriber, *, run_id: str) -> Content:
    """An event as this account has them. The users of a run are its own."""
    meters = len(_METERS) if subscriber.home == "IN" else len(_METERS) - 1
    (meter,) = random.choices(_METERS[:meters], _METER_WEIGHTS[:meters])
    country = subscriber.home if random.random() < _AT_HOME else random.choice(_ABROAD)
    data: dict[str, Any] = {"country": country, "app": random.choice(_APPS)}
    if meter == catalogue.OTP:
        weights = _CHANNEL_WEIGHTS.get(country, _CHANNEL_WEIGHTS_ELSEWHERE)
        (data["channel"],) = random.choices(_CHANNELS, weights)
        data["user"] = user(run_id, random.randrange(_USERS))
    elif meter == catalogue.MAGIC_LINK:
        data["channel"] = random.choice(("email", "whatsapp"))
    elif meter == catalogue.VOICE:
        data["channel"] = "voice"
    if country in _OPERATORS and data.get("channel") != "email":
        data["operator"] = random.choice(_OPERATORS[country])
    if random.random() < 0.2:
        data |= {"latency_ms": random.randint(180, 9_000), "fallback": random.random() < 0.1}
    quantity_millionths = _draw_quantity(random, meter)
    if meter == catalogue.VOICE:
        # To a hundredth of a paisa, as carriers report it.
        data["carrier_cost"] = _as_number(quantity_millionths * random.randint(45, 90) // 10_000 * 100)
    if quantity_millionths != 1_000_000 or random.random() < 0.02:
        data["quantity"] = _as_number(quantity_millionths)
    return Content(meter, data, quantity_millionths)


def user(run_id: str, number: int) -> str:
    """Who logs in, as the core service tells one from another without saying who it is."""
    return f"u{run_id}{number:03d}"


def with_other_content(event: Event, content: Content) -> Event:
    """Another event under the same id: it reports one unit more."""
    more = _as_number(content.quantity_millionths + 1_000_000)
    return {**event, "data": {**event["data"], "quantity": more}}


def respelled(event: Event) -> bytes:
    """The same event as another serialiser writes it: other order, blanks, escapes, the quantity spelled out."""
    data = dict(reversed({"quantity": 1, **event["data"]}.items()))
    again = {**dict(reversed(event.items())), "data": data, "traceparent": _TRACE}
    return json.dumps(again, indent=1, ensure_ascii=True).encode()


_TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def _draw_quantity(random: Random, meter: str) -> int:
    if meter == catalogue.VOICE:
        return random.randint(150, 2_400) * 1_000  # minutes to the thousandth, so that charges have to be rounded
    return random.randint(2, 20) * 1_000_000 if random.random() < 0.01 else 1_000_000


def _as_number(millionths: int) -> float | int:
    return millionths // 1_000_000 if millionths % 1_000_000 == 0 else millionths / 1_000_000
