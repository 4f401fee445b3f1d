"""Print vouchers: a PDF of each, the same bytes every time; a second form of one is never made."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.errors import BillingError
from domain.voucher import VoucherDocument

VoucherPrinter = Callable[[VoucherDocument], bytes]


@dataclass(frozen=True, slots=True)
class KeptVoucher:
    """A voucher, and the digest of its PDF where it was printed before."""

    document: VoucherDocument
    digest: str | None


class Vouchers(Protocol):
    """Where vouchers are kept."""

    def voucher(self, number: str) -> KeptVoucher:
        """A voucher. Raises NotFound."""

    def keep_digest(self, number: str, digest: str, *, now: datetime) -> str:
        """Keep the digest of its PDF; returns the one that is kept, which is another's where that was first."""


def print_voucher(number: str, *, vouchers: Vouchers, printer: VoucherPrinter, now: datetime) -> bytes:
    """A voucher's PDF. Raises NotFound, and BillingError when the form it was given out in cannot be made again."""
    kept = vouchers.voucher(number)
    content = printer(kept.document)
    digest = hashlib.sha256(content).hexdigest()
    before = kept.digest if kept.digest is not None else vouchers.keep_digest(number, digest, now=now)
    if before != digest:
        raise BillingError(
            f"voucher {number} was printed as {before[:12]}… and would now be {digest[:12]}…: give out the copy made then, "
            "a second form of a voucher is not made"
        )
    return content
