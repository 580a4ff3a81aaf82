"""A master by lib60870-C, run as a process of its own: c104 is GPL and is never imported beside our code.

``python peer_c104.py PORT`` connects, then answers each line of standard input with one line of JSON. Annotations
must be real ones here: c104 compares the signatures of callbacks.
"""

import json
import sys
import threading
import time
from typing import Any

import c104

QUALITY = {"Overflow": 1, "Blocked": 16, "Substituted": 32, "NonTopical": 64, "Invalid": 128}


def quality_of(found: Any) -> int:
    """Return the bits of a quality octet by c104's names of them."""
    if isinstance(found, c104.BinaryCounterQuality):
        return 128 * ("Invalid" in str(found))
    return sum(bit for name, bit in QUALITY.items() if (found & getattr(c104.Quality, name)).is_any())


class Peer:
    """The connection and what came over it."""

    def __init__(self, port: int) -> None:
        self.seen: dict[int, list[Any]] = {}
        self.lock = threading.Lock()
        self.client = c104.Client(tick_rate_ms=50, command_timeout_ms=20_000)
        client: Any = self.client
        self.connection: Any = client.add_connection(ip="127.0.0.1", port=port, init=c104.Init.NONE)
        self.station: Any = self.connection.add_station(common_address=1)
        self.client.on_new_point(callable=self.on_new_point)
        self.connection.on_unexpected_message(callable=self.on_unexpected)

    def on_new_point(self, client: c104.Client, station: c104.Station, io_address: int, point_type: c104.Type) -> None:
        point = station.add_point(io_address=io_address, type=point_type)
        if point is not None:
            point.on_receive(callable=self.on_receive)

    def on_receive(
        self, point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage
    ) -> c104.ResponseState:
        self.keep(message)
        return c104.ResponseState.SUCCESS

    def on_unexpected(self, connection: c104.Connection, message: c104.IncomingMessage, cause: c104.Umc) -> None:
        """Take the timed twin of an untimed object, which c104 does not match by itself."""
        if cause == c104.Umc.MISMATCHED_TYPE_ID:
            message.first()
            self.keep(message)
            while message.next():
                self.keep(message)

    def keep(self, message: Any) -> None:
        """Keep what an object says."""
        info = message.info
        value = info.value
        number = int.from_bytes(bytes(value), "little") if isinstance(value, c104.Byte32) else float(value)
        at = info.recorded_at.timestamp() if message.cot == c104.Cot.SPONTANEOUS and info.recorded_at else None
        line = [number, quality_of(info.quality), message.type.name, message.cot.name, at]
        with self.lock:
            self.seen[message.io_address] = line

    def start(self) -> None:
        """Connect; c104 stays muted now and then, and is then unmuted again."""
        self.client.start()
        until = time.monotonic() + 20
        while time.monotonic() < until and self.connection.state != c104.ConnectionState.OPEN:
            if self.connection.state == c104.ConnectionState.OPEN_MUTED:
                self.connection.unmute()
            time.sleep(0.02)

    def control(self, address: int, value: float) -> bool:
        """Send a float set-point command; True when it was accepted."""
        if self.station.get_point(address) is not None:
            self.station.remove_point(address)
        point = self.station.add_point(io_address=address, type=c104.Type.C_SE_NC_1)
        point.value = value
        return bool(point.transmit(cause=c104.Cot.ACTIVATION))

    def answer(self, words: list[str]) -> Any:
        """Return what a request gives."""
        match words:
            case ["seen"]:
                with self.lock:
                    return dict(self.seen)
            case ["interrogate"]:
                began = time.perf_counter()
                done = self.connection.interrogation(common_address=1)
                return {"done": done, "seconds": time.perf_counter() - began}
            case ["control", address, value]:
                return {"done": self.control(int(address), float(value))}
            case ["read", address]:
                return {"done": self.station.get_point(int(address)).read()}
            case ["counters" | "clock" | "test" as what]:
                names = {"counters": "counter_interrogation", "clock": "clock_sync", "test": "test"}
                return {"done": getattr(self.connection, names[what])(common_address=1)}
        return {"error": "not understood"}


def main() -> None:
    """Serve."""
    peer = Peer(int(sys.argv[1]))
    peer.start()
    state = peer.connection.state.name
    sys.stdout.write(json.dumps({"state": state}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(peer.answer(line.split())) + "\n")
        sys.stdout.flush()


main()
