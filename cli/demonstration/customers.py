"""The demonstration's accounts: who pays, how, in which currency, and the aliases their events carry.

Two hundred have traffic; one more has a wallet that runs dry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cli.demonstration import catalogue
from cli.demonstration.places import ECONOMIC_ZONES, HOME, INDONESIA, OTHER_STATES, OVERSEAS, Abroad, City
from domain.money import Currency
from domain.tax.gstin import check_character

ACCOUNTS: Final = 200
_REGISTERED_UNTIL: Final = 124
_UNREGISTERED_UNTIL: Final = 144
_ECONOMIC_ZONE_UNTIL: Final = 156
_OVERSEAS_UNTIL: Final = 178
_SECOND_ACCOUNT_EVERY: Final = 16
"""Every so many registered customers have two accounts: one for live traffic, one for campaigns."""

_PLACES: Final = (
    "Sahyadri", "Kaveri", "Nilgiri", "Aravalli", "Godavari", "Vindhya", "Chenab", "Malabar", "Konark", "Hampi",
    "Narmada", "Sundarban", "Zanskar", "Tungabhadra", "Periyar", "Bhagirathi", "Deccan", "Kalinga", "Ratnagiri", "Ujjain",
    "Lotus", "Banyan", "Monsoon", "Saffron", "Indigo", "Jasmine", "Peacock", "Marigold", "Tamarind", "Cardamom",
)  # fmt: skip
_TRADES: Final = (
    "Retail", "Fintech", "Logistics", "Health", "Foods", "Travel", "Learning", "Insurance", "Mobility", "Games",
    "Homes", "Media", "Grocers", "Payments", "Fashion",
)  # fmt: skip
_SMALL_TRADES: Final = ("Tuitions", "Boutique", "Sweets", "Studio", "Cycles", "Homestay", "Dance Academy")
_OVERSEAS_NAMES: Final = (
    "Harbourline", "Fogbank", "Dunecrest", "Thistledown", "Rimba", "Cobblestone", "Lanternfish", "Redwood Lane", "Saltmarsh",
    "Foxglove", "Merbau", "Northwharf", "Kingfisher Quay", "Blue Mesa", "Palmyra", "Heathrow Row", "Angsana", "Tidewater",
    "Orchid Row", "Pinecone", "Oasis Nine", "Ravenscourt",
)  # fmt: skip
_OVERSEAS_FORMS: Final = {"SG": "Pte. Ltd.", "US": "Inc.", "AE": "FZ-LLC", "GB": "Ltd", "MY": "Sdn. Bhd."}
_INDONESIAN_NAMES: Final = (
    "Nusantara Belanja", "Kopi Kilat", "Rantai Logistik", "Dompet Cerdas", "Wisata Samudra", "Sehat Bersama",
    "Ruang Belajar", "Pasar Segar", "Merapi Pangan", "Batik Pesona", "Kereta Niaga", "Cendana Finansial", "Rinjani Media",
    "Garuda Muda", "Lautan Teknologi", "Melati Busana", "Surya Energi", "Tani Makmur", "Bintang Asuransi",
    "Toba Properti", "Anggrek Medika", "Bahari Ekspres",
)  # fmt: skip
_SUFFIXES: Final = ("Private Limited", "Private Limited", "Private Limited", "Limited", "LLP")
_APPS: Final = ("android", "ios", "web")


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays: profile and tax profile."""

    code: str
    legal_name: str
    email: str
    phone: str | None
    address: Mapping[str, Any]
    """As documents have it: lines, country, in India the city with its post code and state."""
    country: str
    state_code: str | None
    gstin: str | None
    tax_category: str

    def document(self) -> dict[str, Any]:
        """As `billing customers create` takes it."""
        phone = {} if self.phone is None else {"phone": self.phone}
        tax = {"category": self.tax_category} | ({} if self.gstin is None else {"gstin": self.gstin})
        names = {"code": self.code, "legal_name": self.legal_name, "email": self.email}
        zone = {"time_zone": "Asia/Kolkata"}  # of the customer; its accounts say their own
        return names | phone | zone | {"addresses": {"billing": dict(self.address)}, "tax": tax}


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a customer, with the aliases its events will carry and the plan it is on."""

    code: str
    customer_code: str
    mode: str
    currency: Currency
    time_zone: str
    aliases: tuple[str, ...]
    plan_code: str

    def document(self) -> dict[str, Any]:
        """As `billing accounts open` takes it."""
        return {
            "code": self.code,
            "customer": self.customer_code,
            "mode": self.mode,
            "currency": self.currency.value,
            "time_zone": self.time_zone,
            "aliases": list(self.aliases),
            "plan": self.plan_code,
        }


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One account with its customer and where most of its users are."""

    account: Account
    customer: Customer
    home: str
    """ISO 3166-1 alpha-2."""

    @property
    def prepaid(self) -> bool:
        """True when usage is taken from a wallet filled in advance."""
        return self.account.mode == "prepaid"


def subscribers() -> list[Subscriber]:
    """All of them, always the same, by account code."""
    found: list[Subscriber] = []
    for number in range(ACCOUNTS):
        again = number < _REGISTERED_UNTIL and number % _SECOND_ACCOUNT_EVERY == _SECOND_ACCOUNT_EVERY - 1
        found.append(_second_account(found[-1], number) if again else _subscriber(number))
    return found


def the_one_that_runs_dry() -> Subscriber:
    """One more, prepaid, without any traffic but its own story (running_dry.py)."""
    return _indian(ACCOUNTS, HOME, category="registered")


def gstin(number: int, name: str, *, state_code: str) -> str:
    """A GSTIN with the right check character, of a company or (for "LLP") a firm with this name."""
    holder = "F" if name.endswith("LLP") else "C"
    letters = "".join(chr(ord("A") + (number + 4) * step % 26) for step in (3, 7, 11))
    pan = f"{letters}{holder}{name[0]}{1000 + (number + 53) * 37 % 9000:04d}{chr(ord('A') + number * 5 % 26)}"
    first_fourteen = f"{state_code}{pan}1Z"
    return first_fourteen + check_character(first_fourteen)


def _subscriber(number: int) -> Subscriber:
    if number < _REGISTERED_UNTIL:
        city = HOME if number % 3 == 0 else OTHER_STATES[number % len(OTHER_STATES)]
        return _indian(number, city, category="registered")
    if number < _UNREGISTERED_UNTIL:
        city = HOME if number % 4 == 0 else OTHER_STATES[number % len(OTHER_STATES)]
        return _indian(number, city, category="unregistered")
    if number < _ECONOMIC_ZONE_UNTIL:
        return _indian(number, ECONOMIC_ZONES[number % len(ECONOMIC_ZONES)], category="sez")
    if number < _OVERSEAS_UNTIL:
        place, words = OVERSEAS[number % len(OVERSEAS)], _OVERSEAS_NAMES[number % len(_OVERSEAS_NAMES)]
        name = f"{words} {_OVERSEAS_FORMS[place.country]}"
        return _abroad(number, place, (name, words), currency=Currency.USD, plan=catalogue.GLOBAL)
    place, words = INDONESIA[number % len(INDONESIA)], _INDONESIAN_NAMES[number % len(_INDONESIAN_NAMES)]
    return _abroad(number, place, (f"PT {words} Indonesia", words), currency=Currency.IDR, plan=catalogue.INDONESIA)


def _indian(number: int, city: City, *, category: str) -> Subscriber:
    trades = _SMALL_TRADES if category == "unregistered" else _TRADES
    place, trade = _PLACES[number % len(_PLACES)], trades[(number // len(_PLACES) + number) % len(trades)]
    name = f"{place} {trade} {_SUFFIXES[number % len(_SUFFIXES)]}" if category != "unregistered" else f"{place} {trade}"
    slug = f"{place}-{trade}".lower().replace(" ", "-")
    customer = Customer(
        code=f"CUS-{number + 1:04d}",
        legal_name=name,
        email=f"accounts@{slug}.example",
        phone=f"+91 12345 {number + 1:05d}",
        address=city.address(number),
        country="IN",
        state_code=city.state_code,
        gstin=None if category == "unregistered" else gstin(number, name, state_code=city.state_code),
        tax_category=category,
    )
    plan = catalogue.ENTERPRISE if category != "unregistered" and number % 7 == 0 else catalogue.INDIA
    return Subscriber(_account(number, customer, slug, plan=plan), customer, home="IN")


def _abroad(number: int, place: Abroad, names: tuple[str, str], *, currency: Currency, plan: str) -> Subscriber:
    name, words = names
    slug = words.lower().replace(" ", "-")
    customer = Customer(
        code=f"CUS-{number + 1:04d}",
        legal_name=name,
        email=f"finance@{slug}.example",
        phone=None,
        address={"lines": list(place.lines), "country": place.country},
        country=place.country,
        state_code=None,
        gstin=None,
        tax_category="overseas",
    )
    account = _account(number, customer, slug, plan=plan, currency=currency, time_zone=place.months)
    return Subscriber(account, customer, home=place.country)


def _account(
    number: int,
    customer: Customer,
    slug: str,
    *,
    plan: str,
    currency: Currency = Currency.INR,
    time_zone: str = "Asia/Kolkata",
) -> Account:
    apps = _APPS[: number % 4] if number % 4 > 1 else ()
    return Account(
        code=f"ACC-{number + 1:04d}",
        customer_code=customer.code,
        mode="postpaid" if number % 5 in (1, 3) else "prepaid",
        currency=currency,
        time_zone=time_zone,
        aliases=tuple(f"{slug}-{app}" for app in apps) or (slug,),
        plan_code=plan,
    )


def _second_account(first: Subscriber, number: int) -> Subscriber:
    slug = first.account.aliases[0].rsplit("-", 1)[0] if len(first.account.aliases) > 1 else first.account.aliases[0]
    account = replace(
        first.account,
        code=f"ACC-{number + 1:04d}",
        mode="prepaid" if first.account.mode == "postpaid" else "postpaid",
        aliases=(f"{slug}-campaigns",),
    )
    return replace(first, account=account)
