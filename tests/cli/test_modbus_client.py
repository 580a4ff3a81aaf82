"""The reading master takes what is an answer, and nothing else for one."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from caiso_ads.cli._modbus_client import Client, ExceptionError
from caiso_ads.errors import UnreachableError, WireError


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one connection with one answer, then hang up; yields the port and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(100))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            thread.join(5)


def answer(pdu: bytes, transaction: int = 1, protocol: int = 0, unit: int = 7, length: int | None = None) -> bytes:
    """Return a whole answer."""
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


@pytest.mark.parametrize(
    ("table", "pdu", "data", "request_pdu"),
    [
        ("register", b"\x03\x04\x01\x02\x03\x04", b"\x01\x02\x03\x04", "03 0010 0002"),
        ("bit", b"\x02\x01\x03", b"\x03", "02 0010 0002"),
    ],
)
def test_it_reads(table: str, pdu: bytes, data: bytes, request_pdu: str) -> None:
    with answering(answer(pdu)) as (port, asked), Client("127.0.0.1", port) as client:
        assert client.read(7, table, 16, 2) == data
    assert asked == [bytes.fromhex("0001 0000 0006 07" + request_pdu)]


def test_an_exception_is_told_by_its_name() -> None:
    with answering(answer(b"\x83\x02")) as (port, _), Client("127.0.0.1", port) as client:
        with pytest.raises(ExceptionError, match="unit 7, register 16: exception 02: no such address") as caught:
            client.read(7, "register", 16, 2)
        assert caught.value.code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        answer(b"\x03\x02\x01\x02"),
        answer(b"\x04\x04\x01\x02\x03\x04"),
        answer(b"\x03\x04\x01\x02\x03\x04", transaction=2),
        answer(b"\x03\x04\x01\x02\x03\x04", protocol=1),
        answer(b"\x03\x04\x01\x02\x03\x04", unit=8),
        answer(b"", length=0),
        answer(b"\x03\x04", length=300),
    ],
)
def test_what_is_no_answer_to_the_request_is_no_data(wrong: bytes) -> None:
    with (
        answering(wrong) as (port, _),
        Client("127.0.0.1", port) as client,
        pytest.raises(WireError, match="an answer"),
    ):
        client.read(7, "register", 16, 2)


@pytest.mark.parametrize("part", [b"", answer(b"\x03\x04\x01\x02\x03\x04")[:-1]])
def test_a_broken_connection_is_told(part: bytes) -> None:
    with (
        answering(part) as (port, _),
        Client("127.0.0.1", port) as client,
        pytest.raises(UnreachableError, match=r"hung up|reset"),
    ):
        client.read(7, "register", 16, 2)


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}: no connection"):
        Client("127.0.0.1", port)


def test_a_silent_server_is_not_waited_for_without_end() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Client("127.0.0.1", listener.getsockname()[1], timeout_s=0.05) as client,
        pytest.raises(UnreachableError, match="timed out"),
    ):
        client.read(7, "register", 16, 2)
