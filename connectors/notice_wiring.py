"""Building what notices need."""

import logging

from connectors import clock
from connectors.kafka.notices_topic import NoticesTopic
from connectors.mail.smtp_sender import Attachment, MailServer, SmtpSender
from connectors.postgres.delivery_desk import DeliveryDesk
from connectors.postgres.notices import PostgresNotices
from connectors.settings import settings
from connectors.voucher_wiring import voucher_pdf
from connectors.webhooks.public_addresses import read_url
from connectors.webhooks.signing import new_secret
from connectors.webhooks.webhook_sender import WebhookSender
from connectors.wiring import database
from domain.customers.contacts import Channel
from domain.errors import BillingError
from invoicing.notice_ports import NoticeSender
from invoicing.watch_wallets import NOTIFICATIONS_TOPIC


def notices() -> PostgresNotices:
    """Notices and their deliveries."""
    return PostgresNotices(database())


def notices_topic() -> NoticesTopic:
    """Where notices are read; joins the group of notifiers."""
    prefix = settings().kafka_topic_prefix
    return NoticesTopic(settings().kafka_bootstrap, topic=prefix + NOTIFICATIONS_TOPIC, group=f"{prefix}notifier")


def senders() -> dict[Channel, NoticeSender]:
    """The channels that are set up: webhooks always, mail when there is a mail server."""
    chosen = settings()
    found: dict[Channel, NoticeSender] = {
        Channel.WEBHOOK: WebhookSender(
            private_hosts=chosen.private_hosts, epoch_seconds=lambda: clock.epoch_micros() // 1_000_000
        )
    }
    if chosen.smtp_host:
        server = MailServer(
            chosen.smtp_host,
            chosen.smtp_port,
            chosen.smtp_security,
            chosen.smtp_user,
            chosen.smtp_password,
            chosen.smtp_from,
        )
        found[Channel.EMAIL] = SmtpSender(server, attachment=_voucher)
    return found


def delivery_desk() -> DeliveryDesk:
    """Deliveries and webhook endpoints, for people."""
    return DeliveryDesk(database())


def check_endpoint_url(url: str) -> None:
    """Raises InvalidInput for a URL webhooks cannot go to."""
    read_url(url, private_hosts=settings().private_hosts)


def fresh_secret() -> str:
    """A new secret to sign webhooks with."""
    return new_secret()


def _voucher(number: str) -> Attachment | None:
    """A voucher's PDF to go with a letter; a letter goes without it rather than not at all."""
    try:
        return number.replace("/", "-") + ".pdf", voucher_pdf(number, now=clock.now())
    except BillingError as error:
        logging.getLogger(__name__).warning("a letter goes without its voucher: %s", error)
        return None
