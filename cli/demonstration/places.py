"""Addresses for the demonstration's customers: cities with their GST state, post codes and streets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class City:
    """A city; `post_code` is the first part of its post codes, `streets` some of its business addresses."""

    name: str
    state_code: str
    post_code: str
    streets: Sequence[str]

    def address(self, number: int) -> dict[str, Any]:
        """The address of the `number`th customer, as documents have it."""
        street = self.streets[number % len(self.streets)]
        return {
            "lines": [f"{3 + number * 17 % 290}, {street}"],
            "city": self.name,
            "postal_code": f"{self.post_code}{number * 7 % 90 + 1:03d}",
            "state_code": self.state_code,
            "country": "IN",
        }


HOME: Final = City(
    "Bengaluru",
    "29",
    "560",
    ("12th Main, Indiranagar", "80 Feet Road, Koramangala", "Outer Ring Road, Bellandur", "MG Road", "ITPL Main Road"),
)
"""The seller's own state: supplies inside it bear CGST and SGST."""

OTHER_STATES: Final = (
    City("Mumbai", "27", "400", ("Senapati Bapat Marg, Lower Parel", "G Block, Bandra Kurla Complex")),
    City("Gurugram", "06", "122", ("Golf Course Road, Sector 54", "Udyog Vihar Phase 4")),
    City("New Delhi", "07", "110", ("Barakhamba Road, Connaught Place", "Okhla Industrial Estate Phase 3")),
    City("Pune", "27", "411", ("Baner Road", "Senapati Bapat Road", "Magarpatta City, Hadapsar")),
    City("Hyderabad", "36", "500", ("HITEC City, Madhapur", "Road No. 36, Jubilee Hills")),
    City("Chennai", "33", "600", ("Rajiv Gandhi Salai, Taramani", "Anna Salai, Teynampet")),
    City("Noida", "09", "201", ("Sector 62", "Sector 16A, Film City")),
    City("Ahmedabad", "24", "380", ("CG Road, Navrangpura", "SG Highway, Bodakdev")),
    City("Kolkata", "19", "700", ("Sector V, Salt Lake", "Park Street")),
    City("Kochi", "32", "682", ("Infopark Road, Kakkanad", "MG Road, Ernakulam")),
    City("Jaipur", "08", "302", ("Tonk Road", "Sitapura Industrial Area")),
    City("Indore", "23", "452", ("AB Road, Vijay Nagar", "Super Corridor")),
    City("Chandigarh", "04", "160", ("Sector 17C", "Industrial Area Phase 1")),
    City("Bhubaneswar", "21", "751", ("Infocity, Chandaka", "Janpath, Saheed Nagar")),
)

ECONOMIC_ZONES: Final = (
    City("Bengaluru", "29", "560", ("Manyata Embassy SEZ, Nagavara", "Bagmane SEZ, Mahadevapura")),
    City("Navi Mumbai", "27", "400", ("Mindspace SEZ, Airoli",)),
    City("Hyderabad", "36", "500", ("Phoenix SEZ, Gachibowli",)),
    City("Chennai", "33", "600", ("MEPZ SEZ, Tambaram",)),
    City("Gandhinagar", "24", "382", ("GIFT City SEZ, Zone 1",)),
)


@dataclass(frozen=True, slots=True)
class Abroad:
    """A place outside India; `months` is the time zone in which the contract counts months."""

    country: str
    lines: tuple[str, ...]
    months: str


# Customers west of India are billed by Indian months, so that a month is over everywhere when it is over in India.
OVERSEAS: Final = (
    Abroad("SG", ("1 Raffles Place, #20-61", "Singapore 048616"), "Asia/Singapore"),
    Abroad("US", ("548 Market Street, Suite 210", "San Francisco CA 94104"), "Asia/Kolkata"),
    Abroad("AE", ("Office 1403, Al Thuraya Tower 1, Media City", "Dubai"), "Asia/Kolkata"),
    Abroad("GB", ("71 Shelton Street, Covent Garden", "London WC2H 9JQ"), "Asia/Kolkata"),
    Abroad("MY", ("Level 18, Menara 3 Petronas", "Kuala Lumpur 50088"), "Asia/Kuala_Lumpur"),
    Abroad("US", ("228 Park Avenue South", "New York NY 10003"), "Asia/Kolkata"),
)
INDONESIA: Final = (
    Abroad("ID", ("Jl. Jenderal Sudirman Kav. 52-53, SCBD", "Jakarta Selatan 12190"), "Asia/Jakarta"),
    Abroad("ID", ("Jl. M.H. Thamrin No. 10, Menteng", "Jakarta Pusat 10350"), "Asia/Jakarta"),
    Abroad("ID", ("Jl. Ir. H. Juanda No. 155, Dago", "Bandung 40132"), "Asia/Jakarta"),
)
