"""The folder of printed invoices: files appear whole or not at all."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from domain.errors import WrongSetup


@dataclass(frozen=True, slots=True)
class InvoiceFolderOnDisk:
    """The InvoiceFolder port on a directory; paths are relative to it."""

    root: Path

    def digest(self, path: str) -> str | None:
        """SHA-256 of a file, or None when there is none."""
        try:
            return hashlib.sha256((self.root / path).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """Write under another name, then rename: a reader never sees half a file. Raises WrongSetup when it cannot."""
        target = self.root / path
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(content)
            scratch.replace(target)
        except OSError as error:
            raise WrongSetup(
                f"cannot write {target} ({error.strerror}): set INVOICE_DIR to a folder with room and rights"
            ) from error
