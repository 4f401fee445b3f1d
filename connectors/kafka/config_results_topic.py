"""Sending answers to config events: one CloudEvent a record, keyed as the event was, acknowledged before it is forgotten."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.publish_results import ConfigResult

_FLUSH_SECONDS: Final = 30
_JSON: Final = msgspec.json.Encoder()


class ConfigResultsTopic:
    """An idempotent producer of answers."""

    def __init__(self, bootstrap: str, *, topic: str) -> None:
        self._topic = topic
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 1,
                "delivery.report.only.error": True,
                "message.timeout.ms": 20_000,
                "log_level": 2,
            }
        )

    def send(self, results: Sequence[ConfigResult]) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._failures.clear()
        for result in results:
            try:
                self._producer.produce(
                    self._topic, key=result.subject.encode(), value=as_record(result), on_delivery=self._delivered
                )
            except (BufferError, KafkaException) as error:
                self._failures.append(str(error))
                break
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            self._producer.purge()
            raise EngineUnavailable(f"Kafka does not take answers ({reason}): see `make status`")

    def _delivered(self, error: ProducerError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())


def as_record(result: ConfigResult) -> bytes:
    """An answer as a CloudEvent (docs/schemas/config-result.schema.json); its id is the identity of the event it answers."""
    data: dict[str, Any] = {
        "event": {"source": result.source, "id": result.event_id, "type": result.type},
        "outcome": result.outcome,
        "config_version": result.config_version,
        **({"code": result.code, "errors": result.errors} if result.code is not None else {}),
        **({"facts": result.facts} if result.facts else {}),
    }
    return _JSON.encode(
        {
            "specversion": "1.0",
            "id": result.event_key,
            "source": "/otpless/billing",
            "type": f"config.{result.outcome}",
            "subject": result.subject,
            "time": result.decided_at,
            "data": data,
        }
    )
