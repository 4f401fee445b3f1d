"""What the demonstration sells: the billing entity, and plans and a contract like those of a real seller of OTPs."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from connectors import wiring
from domain.tax.gstin import check_character
from invoicing.administration_ports import NewSeller

SAC: Final = "998319"
"""Other information technology services (heading 9983): what all plans here sell."""

_PLANS: Final = Path(__file__).parent / "plans"
_CONTRACT: Final = Path(__file__).parent / "contracts" / "kaveri-fintech.yaml"

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
    """The plan documents, as published: the files beside this one."""
    return [wiring.read_plan_file(_PLANS / f"{code}.yaml") for code in (INDIA, ENTERPRISE, GLOBAL, INDONESIA)]


def contracts() -> dict[str, dict[str, Any]]:
    """The contract documents by account, but for when they begin: with the account's subscription."""
    document = wiring.read_plan_file(_CONTRACT)
    return {document["account"]: document}


def contract_from(document: Mapping[str, Any], start: datetime) -> dict[str, Any]:
    """A contract document that holds from an instant on, until it is ended."""
    return {**document, "from": start.isoformat()}
