"""What the demonstration sells: the billing entity and four plans like those of a real seller of one-time passwords."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from domain.tax.gstin import check_character
from invoicing.administration_ports import NewSeller

SAC: Final = "998319"
"""Other information technology services (heading 9983)."""

INDIA: Final = "otp-india"
ENTERPRISE: Final = "otp-india-enterprise"
GLOBAL: Final = "otp-global"
INDONESIA: Final = "otp-indonesia"

OTP: Final = "otp.delivered"
MAGIC_LINK: Final = "magic_link.delivered"
VOICE: Final = "otp_call.minutes"
SILENT: Final = "silent_auth.verified"


def seller(*, on: date) -> NewSeller:
    """Who invoices, with a letter of undertaking for the financial year of a date."""
    year = on.year - (on.month < 4)
    number = "29AAECO4821Q1Z"
    return NewSeller(
        gstin=number + check_character(number),
        legal_name="OTPless Technologies Private Limited",
        address_lines=("2nd Floor, 1207 Service Road, HSR Layout Sector 6", "Bengaluru 560102, Karnataka"),
        email="billing@otpless.example",
        payment_lines=("Bank: Demonstration Bank, Koramangala, Bengaluru", "Account 50200012345678, IFSC DEMO0000123"),
        invoice_series="OTP",
        lut_arn=f"AD2904{year % 100:02d}012345M",
        lut_valid_from=date(year, 4, 1),
        lut_valid_to=date(year + 1, 3, 31),
    )


def plans() -> list[dict[str, Any]]:
    """The plan documents, as published."""
    return [_india(), _enterprise(), _global(), _indonesia()]


def _india() -> dict[str, Any]:
    otp = _matrix(
        ("channel", "country"),
        [
            (("sms", "IN"), "0.1850"),
            (("sms", "US"), "0.6900"),
            (("sms", "AE"), "2.4500"),
            (("sms", "SG"), "3.1000"),
            (("sms", "*"), "5.2500"),
            (("whatsapp", "IN"), "0.1450"),
            (("whatsapp", "AE"), "1.4300"),
            (("whatsapp", "*"), "2.1500"),
            (("rcs", "IN"), "0.2100"),
            (("email", "*"), "0.0325"),
            (("*", "*"), "3.7500"),
        ],
    )
    links = _graduated((50, "0.1200"), (500, "0.0950"), (None, "0.0700"))
    calls = {"model": "per_unit", "unit_price": "0.8475"}
    silent = _matrix(("operator",), [(("jio",), "0.2250"), (("airtel",), "0.2475"), (("*",), "0.2600")])
    return _plan(INDIA, "OTP India, pay as you go", "INR", (otp, links, calls, silent))


def _enterprise() -> dict[str, Any]:
    otp = _matrix(
        ("channel", "country"),
        [
            (("sms", "IN"), "0.1625"),
            (("sms", "*"), "4.8000"),
            (("whatsapp", "IN"), [(100, "0.1380"), (1_000, "0.1295"), (None, "0.1210")]),
            (("whatsapp", "*"), "1.9500"),
            (("rcs", "IN"), "0.1900"),
            (("email", "*"), "0.0250"),
            (("*", "*"), "3.5000"),
        ],
    )
    links = _graduated((100, "0.0825"), (None, "0.0600"))
    calls = {"model": "per_unit", "unit_price": "0.7250"}
    silent = {"model": "per_unit", "unit_price": "0.1975"}
    return _plan(ENTERPRISE, "OTP India, enterprise", "INR", (otp, links, calls, silent))


def _global() -> dict[str, Any]:
    otp = _matrix(
        ("channel", "country"),
        [
            (("sms", "US"), "0.008300"),
            (("sms", "GB"), "0.041500"),
            (("sms", "AE"), "0.029750"),
            (("sms", "SG"), "0.038400"),
            (("sms", "*"), "0.067125"),
            (("whatsapp", "IN"), "0.001750"),
            (("whatsapp", "*"), "0.021375"),
            (("email", "*"), "0.000390"),
            (("*", "*"), "0.045000"),
        ],
    )
    links = _graduated((25, "0.001900"), (250, "0.001475"), (None, "0.001050"))
    calls = {"model": "per_unit", "unit_price": "0.013725"}
    return _plan(GLOBAL, "OTP Global", "USD", (otp, links, calls))


def _indonesia() -> dict[str, Any]:
    otp = _matrix(
        ("channel", "country"),
        [
            (("sms", "ID"), "425.00"),
            (("sms", "SG"), "610.00"),
            (("sms", "*"), "1150.00"),
            (("whatsapp", "ID"), "352.50"),
            (("whatsapp", "*"), "480.00"),
            (("email", "*"), "6.25"),
            (("*", "*"), "750.00"),
        ],
    )
    links = _graduated((25, "22.50"), (None, "17.75"))
    calls = {"model": "per_unit", "unit_price": "237.125"}
    return _plan(INDONESIA, "OTP Indonesia", "IDR", (otp, links, calls))


_METERS: Final = (
    (OTP, "One-time password delivered", "message"),
    (MAGIC_LINK, "Magic link delivered", "message"),
    (VOICE, "One-time password by call", "minute"),
    (SILENT, "Silent network authentication", "verification"),
)


def _plan(code: str, name: str, currency: str, prices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A plan document; the prices are of the meters in their order, and a plan may lack the last ones."""
    charges = [
        {"meter": meter, "description": description, "sac": SAC, "unit": unit, "price": dict(price)}
        for (meter, description, unit), price in zip(_METERS, prices, strict=False)
    ]
    return {"code": code, "name": name, "currency": currency, "charges": charges}


def _matrix(
    dimensions: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], str | list[tuple[int | None, str]]]]
) -> dict[str, Any]:
    documents = []
    for values, price in rows:
        model = {"model": "per_unit", "unit_price": price} if isinstance(price, str) else _graduated(*price)
        when = {name: value for name, value in zip(dimensions, values, strict=True) if value != "*"}
        documents.append({"when": when, **model} if when else model)
    return {"model": "matrix", "dimensions": list(dimensions), "rows": documents}


def _graduated(*tiers: tuple[int | None, str]) -> dict[str, Any]:
    return {
        "model": "graduated",
        "tiers": [
            {"unit_price": price} if up_to is None else {"up_to": up_to, "unit_price": price} for up_to, price in tiers
        ],
    }
