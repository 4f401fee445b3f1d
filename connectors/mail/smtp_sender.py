"""Sending letters by SMTP: one connection a letter, the same Message-ID at every try."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, formataddr
from typing import Final

from connectors.mail.letters import Letter, write_letter
from connectors.mail.setting import as_html, as_text
from invoicing.notice_ports import Delivery, DeliveryFailed

_TIMEOUT_SECONDS: Final = 15
_MAILBOX_REFUSED: Final = range(550, 555)
"""SMTP replies that say of an address that it takes no mail (RFC 5321 §4.2.3)."""
Attachment = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. `security` is none, starttls or tls; without a user nobody logs in."""

    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str
    """The address letters come from; its name is always the same."""


class SmtpSender:
    """The channel `email`. `attachment` finds the PDF of a voucher by account and number."""

    def __init__(self, server: MailServer, *, attachment: Callable[[str], Attachment | None]) -> None:
        self._server = server
        self._attachment = attachment

    def send(self, delivery: Delivery) -> None:
        """Send one delivery. Raises DeliveryFailed; it may have been sent then. Sending twice shows the same id."""
        try:
            message = self.message(delivery)
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryFailed(f"the letter cannot be written: {_short(repr(error))}", permanent=True) from error
        try:
            with self._connected() as server:
                server.send_message(message, from_addr=self._server.sender, to_addrs=[delivery.address])
        except smtplib.SMTPRecipientsRefused as error:
            code, words = error.recipients[delivery.address]
            raise DeliveryFailed(f"the mailbox was refused: {_said(code, words)}", permanent=_final(code)) from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryFailed(f"the mail server refused: {_said(error.smtp_code, error.smtp_error)}") from error
        except UnicodeError as error:
            raise DeliveryFailed("the address holds letters that mail cannot carry", permanent=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryFailed(f"the mail server {self._server.host} did not take it: {_short(str(error))}") from error

    def message(self, delivery: Delivery) -> EmailMessage:
        """The letter as it goes out."""
        letter = write_letter(delivery)
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = formataddr(("OTPless Billing", self._server.sender))
        message["To"] = formataddr((" ".join(delivery.recipient.split()), delivery.address))
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(delivery.notice.occurred_at)
        message["Message-ID"] = f"<{delivery.stable_id}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Notification-Kind"] = str(delivery.kind)
        names = {"recipient": delivery.recipient, "customer": delivery.customer}
        message.set_content(as_text(letter, **names))
        message.add_alternative(as_html(letter, **names), subtype="html")
        self._attach(message, letter)
        return message

    def _attach(self, message: EmailMessage, letter: Letter) -> None:
        found = None if letter.voucher is None else self._attachment(letter.voucher)
        if found is not None:
            name, body = found
            message.add_attachment(body, maintype="application", subtype="pdf", filename=name)

    def _connected(self) -> smtplib.SMTP:
        chosen, context = self._server, ssl.create_default_context()
        if chosen.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(chosen.host, chosen.port, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(chosen.host, chosen.port, timeout=_TIMEOUT_SECONDS)
        try:
            if chosen.security == "starttls":
                server.starttls(context=context)
            if chosen.user:
                server.login(chosen.user, chosen.password)
        except BaseException:
            server.close()
            raise
        return server


def _final(code: int) -> bool:
    return code in _MAILBOX_REFUSED


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _short(f"{code} {text}")


def _short(text: str) -> str:
    return " ".join(text.split())[:300]
