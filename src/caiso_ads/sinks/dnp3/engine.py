"""The library's outstation with its faults guarded. Only one thread may call it: it is slow and it knows no locks.

Rule: the library builds and reads fragments; which points make an event, and when an overflow is over, is decided
here. Its deadband looks at the value alone, so a change of flags would make no event; it never clears IIN2.3.
"""

from __future__ import annotations

from dnp3.core.flags import IIN, AnalogQuality, BinaryQuality
from dnp3.database import AnalogInputConfig, BinaryInputConfig, Database, DatabaseConfig, EventClass
from dnp3.database.event_buffer import EventBufferConfig
from dnp3.outstation import Outstation, OutstationConfig
from dnp3.outstation.peer import PeerId

from caiso_ads.core.points import Snapshot
from caiso_ads.sinks.dnp3 import values
from caiso_ads.sinks.dnp3.plan import Plan
from caiso_ads.sinks.dnp3.profile import ProfilePlan
from caiso_ads.sinks.dnp3.values import Shown

FRAGMENT = 2048


class Engine:
    """One outstation: points, events and answers. ``generation`` is of the snapshot that reads are answered from."""

    def __init__(self, plan: Plan | ProfilePlan, address: int, event_limit: int) -> None:
        self._plan = plan
        entries = list(plan.entries())
        limits = DatabaseConfig(
            max_binary_inputs=len(entries),
            max_analog_inputs=len(entries),
            event_buffer_config=EventBufferConfig(event_limit, event_limit, event_limit),
        )
        self.database = Database(limits)
        self._deadbands: dict[int, int] = {}
        for entry in entries:
            kind = EventClass(entry.event_class)
            if entry.type == "AI":
                self.database.add_analog_input(entry.number, AnalogInputConfig(kind), values.UNKNOWN)
                self._deadbands[entry.number] = entry.deadband
            else:
                self.database.add_binary_input(entry.number, BinaryInputConfig(kind))
        self._told: dict[int, Shown] = {}
        buffer = self.database.event_buffer
        self._classes = (buffer.class1, buffer.class2, buffer.class3)
        for one in self._classes:
            one.max_size = event_limit  # the library adds up the three kinds; the bound is for the class
        self._limit = event_limit
        config = OutstationConfig(address=address, time_sync_required=False, max_fragment_size=FRAGMENT)
        self._outstation = Outstation(config, self.database)
        self.generation = -1

    def apply(self, snapshot: Snapshot) -> None:
        """Serve this snapshot from now on. The first one makes no events: a master reads everything at its start."""
        first = not self._told
        plan = self._plan
        if isinstance(plan, ProfilePlan):
            analogs, binaries = plan.analogs(snapshot), plan.binaries(snapshot)
        else:
            analogs, binaries = values.analogs(plan, snapshot), values.binaries(plan, snapshot)
        for index, shown in analogs:
            self._analog(index, shown, first=first)
        for index, (value, flags) in binaries:
            self.database.update_binary_input(index, bool(value), BinaryQuality(flags))
        if first:
            self.database.event_buffer.clear_all()
        self.generation = snapshot.generation

    def _analog(self, index: int, shown: Shown, *, first: bool) -> None:
        point = self.database.analog_inputs[index]
        value, flags = shown
        if point.value != value or int(point.quality) != flags or first:
            point.value, point.quality = value, AnalogQuality(flags)
            self._tell(index, shown, first=first)

    def _tell(self, index: int, shown: Shown, *, first: bool) -> None:
        point = self.database.analog_inputs[index]
        told = self._told.get(index)
        if told is None or told[1] != shown[1] or abs(told[0] - shown[0]) >= self._deadbands[index]:
            self._told[index] = shown
            if not first:
                self.database.event_buffer.add_analog_event(point.config.event_class, index, shown[0], point.quality)

    @property
    def events(self) -> int:
        """How many events wait to be read."""
        return self.database.event_buffer.total_count

    def connection(self) -> int:
        """Return the number of a new connection."""
        return self._outstation.new_connection_id()

    def release(self, connection: int) -> None:
        """Forget what a connection selected."""
        self._outstation.release_connection(connection)

    def answer(self, request: bytes, source: int, connection: int) -> list[bytes]:
        """Return the fragments that answer one request fragment; each but the last asks to be confirmed."""
        replies = self._outstation.process_request(request, peer=PeerId(source, connection))
        parts = [bytearray(reply.to_bytes()) for reply in replies]
        for part in parts[:-1]:
            part[0] |= 0x20
        return [bytes(part) for part in parts]

    def delivered(self, last: bytes) -> None:
        """End an overflow that this answer, which went out whole, has told of, once there is room again."""
        told = int.from_bytes(last[2:4], "little") & IIN.EVENT_BUFFER_OVERFLOW
        if told and all(one.count < self._limit for one in self._classes):
            for one in self._classes:
                one.reset_overflow()
            self._outstation._state.clear_event_overflow()  # noqa: SLF001 - the library has no public way

    def lost(self) -> None:
        """Tell the next answer's reader that events are missing: the library drops them when it builds an answer."""
        self._classes[0].overflow_count += 1
