"""Sending answers to config events: one CloudEvent a record, keyed as the event was, acknowledged before it is forgotten."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.kafka.acknowledged_producer import AcknowledgedProducer
from invoicing.publish_results import ConfigResult

_JSON: Final = msgspec.json.Encoder()


class ConfigResultsTopic:
    """An idempotent producer of answers."""

    def __init__(self, bootstrap: str, *, topic: str) -> None:
        self._topic = topic
        self._producer = AcknowledgedProducer(bootstrap, what="answers", compression_type="lz4", linger_ms=1)

    def send(self, results: Sequence[ConfigResult]) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._producer.begin()
        for result in results:
            self._producer.send(self._topic, as_record(result), key=result.subject.encode())
        self._producer.finish()


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
