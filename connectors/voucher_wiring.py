"""Printing vouchers; apart from connectors/wallet_wiring.py, so that the watcher does not load what prints."""

from datetime import datetime

from connectors.pdf.voucher_pdf import render_voucher
from connectors.postgres.vouchers import PostgresVouchers
from connectors.wiring import database
from invoicing.print_vouchers import print_voucher


def voucher_pdf(number: str, *, now: datetime) -> bytes:
    """A voucher's PDF. Raises NotFound, and BillingError when the form it was given out in cannot be made again."""
    return print_voucher(number, vouchers=PostgresVouchers(database()), printer=render_voucher, now=now)
