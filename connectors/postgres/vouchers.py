"""Vouchers in PostgreSQL: numbered without a gap in the transaction that moves the money, with everything they print."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.advance_tax import SELLERS, only_seller
from connectors.postgres.database import transaction
from domain.errors import NotFound
from domain.invoice.model import Party, TaxLine
from domain.invoice.numbering import financial_year, format_number
from domain.money import Currency
from domain.top_ups import PaymentFact
from domain.voucher import VoucherDocument, VoucherKind
from invoicing.apply_payments import SAC
from invoicing.print_vouchers import KeptVoucher
from invoicing.top_up_ports import Voucher

_BUYER: Final = text("""
SELECT c.legal_name, c.country, c.gstin, c.state_code, c.address_lines, c.email
FROM account a JOIN customer c USING (customer_id) WHERE a.code = :code
""")
_OPEN_SERIES: Final = text("""
INSERT INTO voucher_series VALUES (:gstin, :series, :financial_year, 1) ON CONFLICT DO NOTHING
""")
_NUMBER: Final = text("""
UPDATE voucher_series SET next_number = next_number + 1
WHERE gstin = :gstin AND series = :series AND financial_year = :financial_year RETURNING next_number - 1
""")
_ADD: Final = text("""
INSERT INTO voucher (gstin, number, kind, top_up_id, account_id, currency, total_minor, taxable_minor, taxes, issue_date,
    document)
VALUES (:gstin, :number, :kind, :top_up_id, :account_id, :currency, :total_minor, :taxable_minor, CAST(:taxes AS jsonb),
    :issue_date, CAST(:document AS jsonb))
""")
_RECEIPT: Final = text("""
SELECT number, issue_date, document FROM voucher WHERE top_up_id = :top_up_id AND kind = 'receipt'
""")
_GET: Final = text("""
SELECT v.number, v.kind, v.top_up_id, a.code AS account, v.currency, v.total_minor, v.taxable_minor, v.taxes, v.issue_date,
       v.document, c.pdf_digest
FROM voucher v JOIN account a USING (account_id) LEFT JOIN voucher_copy c USING (gstin, number) WHERE v.number = :number
""")
_KEEP: Final = text("""
INSERT INTO voucher_copy (gstin, number, pdf_digest, printed_at)
SELECT gstin, number, :digest, :now FROM voucher WHERE number = :number ON CONFLICT DO NOTHING
""")
_TAKEN_OVER: Final = ("place_of_supply", "supply_type", "legend", "rates_basis_points")


def the_seller(connection: Connection) -> Any:
    """The seller that vouchers are by. Raises WrongSetup unless there is exactly one."""
    return only_seller(connection.execute(text(SELLERS)).all())


def add_voucher(connection: Connection, voucher: Voucher, fact: PaymentFact, *, top_up_id: int, account_id: int) -> str:
    """Number a voucher and keep it; returns its number."""
    seller, year = the_seller(connection), financial_year(voucher.issue_date)
    series = {"gstin": seller.gstin, "series": voucher.series, "financial_year": year}
    connection.execute(_OPEN_SERIES, series)
    number = format_number(voucher.series, year, connection.execute(_NUMBER, series).scalar_one())
    row = {
        "gstin": seller.gstin,
        "number": number,
        "kind": voucher.kind,
        "top_up_id": top_up_id,
        "account_id": account_id,
        "currency": fact.currency.value,
        "total_minor": voucher.advance.paid_minor,
        "taxable_minor": voucher.advance.taxable_minor,
        "taxes": json.dumps(voucher.advance.taxes),
        "issue_date": voucher.issue_date,
        "document": json.dumps(_document(connection, voucher, fact, seller=seller, top_up_id=top_up_id)),
    }
    connection.execute(_ADD, row)
    return number


def _document(connection: Connection, voucher: Voucher, fact: PaymentFact, *, seller: Any, top_up_id: int) -> dict[str, Any]:
    """What Rules 50 and 51 want named, as it is now; how a refund is taxed follows its receipt."""
    document: dict[str, Any] = {
        "seller": _seller_facts(seller),
        "buyer": _buyer_facts(connection, fact.account),
        "payment": {"gateway": fact.gateway, "payment": fact.payment, "reference": fact.reference},
        "sac": SAC,
    }
    if voucher.decision is not None:
        supply = voucher.decision.supply
        document["place_of_supply"] = supply.place_of_supply
        document["supply_type"] = supply.type.value
        document["legend"] = supply.legend
        document["rates_basis_points"] = {head.head: head.rate_basis_points for head in voucher.decision.heads}
        return document
    receipt = connection.execute(_RECEIPT, {"top_up_id": top_up_id}).one()
    document["receipt"] = {"number": receipt.number, "issue_date": receipt.issue_date.isoformat()}
    return document | {name: receipt.document.get(name) for name in _TAKEN_OVER}


def _seller_facts(seller: Any) -> dict[str, Any]:
    return {
        "gstin": seller.gstin,
        "legal_name": seller.legal_name,
        "address_lines": list(seller.address_lines),
        "email": seller.email,
    }


def _buyer_facts(connection: Connection, account: str) -> dict[str, Any]:
    buyer = connection.execute(_BUYER, {"code": account}).one_or_none()
    if buyer is None:
        raise NotFound(f"account {account!r} does not exist")
    return {
        "legal_name": buyer.legal_name,
        "gstin": buyer.gstin,
        "address_lines": list(buyer.address_lines),
        "country": buyer.country,
        "state_code": buyer.state_code,
        "email": buyer.email,
    }


class PostgresVouchers:
    """Vouchers to be printed, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def voucher(self, number: str) -> KeptVoucher:
        """A voucher. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = connection.execute(_GET, {"number": number}).one_or_none()
            if row is None:
                raise NotFound(f"voucher {number!r} does not exist: `billing wallets vouchers` shows them")
            return KeptVoucher(_printable(connection, row), row.pdf_digest)

    def keep_digest(self, number: str, digest: str, *, now: datetime) -> str:
        """Keep the digest of its PDF; returns the one that is kept, which is another's where that was first."""
        with transaction(self._engine) as connection:
            connection.execute(_KEEP, {"number": number, "digest": digest, "now": now})
            return str(connection.execute(_GET, {"number": number}).one().pdf_digest)


def _printable(connection: Connection, row: Any) -> VoucherDocument:
    document = dict(row.document)
    if "address_lines" not in document["seller"]:
        # Vouchers used to be kept with less than is printed: the rest is as it is at their first printing, and kept by its
        # digest from then on.
        document["seller"] = _seller_facts(the_seller(connection)) | document["seller"]
        document["buyer"] = _buyer_facts(connection, row.account) | document["buyer"]
    receipt = None
    if row.kind == VoucherKind.REFUND:
        of_top_up = connection.execute(_RECEIPT, {"top_up_id": row.top_up_id}).one()
        receipt = (of_top_up.number, of_top_up.issue_date)
        document = {name: of_top_up.document.get(name) for name in _TAKEN_OVER} | document
    rates = document["rates_basis_points"]
    return VoucherDocument(
        kind=VoucherKind(row.kind),
        number=row.number,
        issue_date=row.issue_date,
        currency=Currency(row.currency),
        account_code=row.account,
        seller=_party(document["seller"], country="IN", state_code=document["seller"]["gstin"][:2]),
        buyer=_party(document["buyer"], country=document["buyer"]["country"], state_code=document["buyer"]["state_code"]),
        place_of_supply=document["place_of_supply"],
        supply_type=document["supply_type"],
        legend=document.get("legend"),
        sac=document["sac"],
        total_minor=row.total_minor,
        taxable_minor=row.taxable_minor,
        taxes=tuple(TaxLine(head, rates[head], row.taxable_minor, minor) for head, minor in row.taxes),
        gateway=document["payment"]["gateway"],
        payment=document["payment"]["payment"],
        receipt=receipt,
    )


def _party(facts: Mapping[str, Any], *, country: str, state_code: str | None) -> Party:
    lines = tuple(facts["address_lines"])
    return Party(facts["legal_name"], lines, country, state_code, facts["gstin"], facts["email"])
