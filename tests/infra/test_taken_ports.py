"""A port that cannot be used gets a sentence before anything is started."""

import os
import socket
from pathlib import Path

import pytest

from infra.native.ports import check_ports
from infra.native.services import SERVICES
from infra.native.stack import StackError
from tests.infra.stacks import a_free_port, a_stack


def test_a_taken_port_is_named_with_its_setting_its_holder_and_the_way_out(tmp_path: Path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])

        with pytest.raises(StackError) as refusal:
            check_ports(a_stack(tmp_path, REDIS_PORT=port), [SERVICES["redis"]])

    sentence = str(refusal.value)
    assert sentence.startswith(f"Port {port} (REDIS_PORT) is held by ")
    assert f"process {os.getpid()}" in sentence
    assert "set REDIS_PORT in .env to a free port" in sentence


def test_every_taken_port_is_named_at_once(tmp_path: Path):
    with socket.socket() as one, socket.socket() as other:
        for holder in (one, other):
            holder.bind(("127.0.0.1", 0))
            holder.listen()
        ports = {
            "CLICKHOUSE_PORT": str(one.getsockname()[1]),
            "CLICKHOUSE_HTTP_PORT": str(other.getsockname()[1]),
        }

        with pytest.raises(StackError) as refusal:
            check_ports(a_stack(tmp_path, **ports), [SERVICES["clickhouse"]])

    assert all(name in str(refusal.value) for name in ports)


def test_two_settings_with_one_port_are_named(tmp_path: Path):
    port = a_free_port()

    with pytest.raises(StackError, match=f"KAFKA_PORT and KAFKA_CONTROLLER_PORT are both {port}"):
        check_ports(a_stack(tmp_path, KAFKA_PORT=port, KAFKA_CONTROLLER_PORT=port), [SERVICES["kafka"]])


@pytest.mark.parametrize("value", ["", "redis", "0", "65536", "-1", "6379.0"])
def test_a_port_that_is_no_number_is_named(tmp_path: Path, value: str):
    with pytest.raises(StackError, match=f"REDIS_PORT={value} is not a port number"):
        check_ports(a_stack(tmp_path, REDIS_PORT=value), [SERVICES["redis"]])


def test_free_ports_are_silent(tmp_path: Path):
    with socket.socket() as listener:
        check_ports(a_stack(tmp_path, REDIS_PORT=(port := a_free_port())), [SERVICES["redis"]])
        listener.bind(("127.0.0.1", int(port)))

        assert listener.getsockname()[1] == int(port)
