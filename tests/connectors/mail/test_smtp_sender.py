"""Letters through a real SMTP server on this machine."""

import email
import socket
from email.policy import default

import pytest
from aiosmtpd.controller import Controller

from connectors.mail.smtp_sender import MailServer, SmtpSender
from domain.customers.contacts import NoticeKind
from invoicing.notice_ports import DeliveryFailed
from tests.builders_notices import NOON, a_delivery, a_notice


class Mailbox:
    """Takes mail, or refuses it as it is told."""

    def __init__(self):
        self.letters, self.refuse_recipient, self.refuse_data = [], None, None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.refuse_data:
            return self.refuse_data
        self.letters.append(
            (envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=default))
        )
        return "250 taken"


@pytest.fixture
def mailbox():
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    box.port = port
    yield box
    controller.stop()


def a_sender(port, attachment=lambda _: None, **changes):
    facts = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "user": "",
        "password": "",
        "sender": "billing@otpless.example",
    }
    return SmtpSender(MailServer(**{**facts, **changes}), attachment=attachment)


def test_a_letter_arrives_as_text_and_html_with_a_stable_id(mailbox):
    sender = a_sender(mailbox.port)
    sender.send(a_delivery())
    sender.send(a_delivery(attempt=2))
    (mail_from, recipients, letter), (_, _, again) = mailbox.letters
    assert (mail_from, recipients) == ("billing@otpless.example", ["asha@acme.example"])
    assert letter["Message-ID"] == again["Message-ID"] == "<ntf_17_4@otpless.example>"
    assert letter["Subject"] == "Balance low: ₹187.34 left on acme"
    assert letter["To"] == "Asha Rao <asha@acme.example>"
    assert letter["Date"].datetime == NOON
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_body(("plain",)).get_content()
    page = letter.get_body(("html",)).get_content()
    for part in (text, page):
        assert "Hello Asha Rao," in part
        assert "29 Nov 2026, 12:00 (IST)" in part
        assert "20 % of the last top-up" in part
        assert "Acme Private Limited" in part


def test_names_cannot_smuggle_headers_or_markup(mailbox):
    a_sender(mailbox.port).send(a_delivery(recipient="Eve\r\nBcc: all@x.example <b>", customer="<script>x</script>"))
    ((_, recipients, letter),) = mailbox.letters
    assert recipients == ["asha@acme.example"]
    assert letter["Bcc"] is None
    page = letter.get_body(("html",)).get_content()
    assert "<script>" not in page
    assert "&lt;b&gt;" in page


def test_a_mailbox_that_does_not_exist_is_given_up_and_one_that_is_full_is_not(mailbox):
    mailbox.refuse_recipient = "550 5.1.1 no such user"
    with pytest.raises(DeliveryFailed, match="no such user") as failed:
        a_sender(mailbox.port).send(a_delivery())
    assert failed.value.permanent
    mailbox.refuse_recipient = "452 4.2.2 mailbox full"
    with pytest.raises(DeliveryFailed, match="mailbox full") as failed:
        a_sender(mailbox.port).send(a_delivery())
    assert not failed.value.permanent


def test_a_server_that_refuses_or_is_away_is_tried_again(mailbox):
    mailbox.refuse_data = "451 4.7.1 try later"
    with pytest.raises(DeliveryFailed, match="try later") as failed:
        a_sender(mailbox.port).send(a_delivery())
    assert not failed.value.permanent
    with pytest.raises(DeliveryFailed, match="did not take it"):
        a_sender(9).send(a_delivery())


def test_a_server_without_encryption_is_given_no_letter_where_encryption_is_asked_for(mailbox):
    with pytest.raises(DeliveryFailed):
        a_sender(mailbox.port, security="starttls").send(a_delivery())
    assert mailbox.letters == []


def test_a_letter_that_cannot_be_written_is_given_up_with_the_reason(mailbox):
    notice = a_notice(currency="doubloons")
    with pytest.raises(DeliveryFailed, match="doubloons") as failed:
        a_sender(mailbox.port).send(a_delivery(notice))
    assert failed.value.permanent
    assert mailbox.letters == []


def test_a_voucher_goes_with_the_letter_about_its_payment(mailbox):
    notice = a_notice(
        "notification.payment_received",
        paid_minor=1_180_00,
        credited_minor=1_000_00,
        voucher="RV/26-27/000001",
        payment="pay_1",
    )
    sender = a_sender(mailbox.port, lambda number: (number.replace("/", "-") + ".pdf", b"%PDF-"))
    sender.send(a_delivery(notice, kind=NoticeKind.PAYMENT_RECEIVED))
    ((_, _, letter),) = mailbox.letters
    (attached,) = letter.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("RV-26-27-000001.pdf", "application/pdf")
    assert "Receipt voucher RV/26-27/000001 is attached." in letter.get_body(("plain",)).get_content()
