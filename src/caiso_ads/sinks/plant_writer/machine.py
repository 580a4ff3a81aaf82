"""Decides what to ask of one plant controller, and what to write: a state machine without I/O, and time is passed in.

Rule: after each write, whatever became of it, the next request is a read; a setpoint is only ever written between
pmin_mw and pmax_mw, one step of the rate away from what was last read or written, and only while the wish says ACT
(or, on the way out, to let the plant go). In dry-run the same is decided and nothing is ever written.
"""

from __future__ import annotations

from caiso_ads.sinks.plant_writer.gather import Note
from caiso_ads.sinks.plant_writer.permit import Stand, Wish
from caiso_ads.sinks.plant_writer.ramp import Ramp
from caiso_ads.sinks.plant_writer.rules import Action, Item, OnRelease, Pause, Phase, Read, Reading, Rules, Write
from caiso_ads.sinks.plant_writer.trouble import Trouble

GIVE_UP_S = 60.0
"""How long letting go is tried while nothing succeeds; after that somebody else may be in charge."""

_HEARTBEATS = 0x1_0000
_POWERS = (Item.SETPOINT, Item.HIGH, Item.LOW)


class Machine:
    """One plant. Call ``decide``, do what it says, tell it by one of the ``heard_…``; and take the ``notes``."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.phase = Phase.IDLE
        self.reading: Reading = {}
        self.held: dict[Item, float] = {}
        """What the controller last agreed to hold: written by us and read back, or found there."""
        self._notes: list[Note] = []
        self._trouble = Trouble(rules, self._notes)
        self._ramp = Ramp(rules)
        self._wish = Wish(Stand.NONE, "")
        self._told = ""
        self._aim: object = None
        self._read_at: float | None = None  # None: the next request is a read
        self._due = float("-inf")
        self._sent: tuple[Write, float | None] | None = None
        self._unsure = False
        self._acted = False
        self._beat: int | None = None
        self._beat_due = False
        self._shadow: dict[Item, float] = {}
        self._real: Reading = {}
        self._give_up_at = 0.0

    @property
    def released(self) -> bool:
        """Whether there is nothing to let go of."""
        return not self._acted

    @property
    def trouble(self) -> str:
        """What is wrong now; "" when nothing is."""
        return self._trouble.now

    def notes(self) -> list[Note]:
        """Return what is to be told since the last call."""
        found = self._notes[:]
        self._notes.clear()
        return found

    def decide(self, now: float, wish: Wish) -> Action:
        """Return what to do next. ``now`` is monotonic seconds."""
        self._take(now, wish)
        if now < self._trouble.silent_until:
            return Pause(self._trouble.silent_until - now)
        if now >= self._due:
            self._due, self._read_at, self._beat_due = now + self.rules.interval_s, None, True
        if self._read_at is None:
            return Read()
        for _ in Item:  # in dry-run one turn goes through all that would be written
            write = self._next_write(now)
            if write is None:
                break
            self._tell_write(write)
            if self.rules.live:
                self._sent, self._read_at = (write, self.reading.get(write.item)), None
                return write
            self._pretend(write)
        return Pause(max(0.0, self._due - now))

    def heard_reading(self, now: float, reading: Reading) -> None:
        """Hear what the controller holds."""
        self._real, self.reading, self._read_at = reading, {**reading, **self._shadow}, now
        self._trouble.contact()
        sent, self._sent, unsure, self._unsure = self._sent, None, self._unsure, False
        if sent is not None:
            self._compare(now, *sent, unsure=unsure)
        self._look_for_others(now)
        if self._trouble.backing_off(now):
            self._ramp.forget()
        if self.phase in (Phase.ACTING, Phase.RELEASING) and not self._ramp.known:
            self._anchor(now)

    def heard_nothing(self, now: float, problem: str) -> None:
        """Hear that a read failed."""
        self._read_at = None
        self._ramp.forget()
        self._trouble.no_contact(now, problem)

    def heard_written(self) -> None:
        """Hear that a write was answered; only reading it back says what it did."""
        self._acted = True

    def heard_refused(self, now: float, problem: str) -> None:
        """Hear that the controller refused a write."""
        what = f"{self._sent[0].item.value}: {problem}" if self._sent else problem
        self._sent = None
        self._ramp.forget()
        self._trouble.strike(now, what)

    def heard_unsure(self, now: float, problem: str) -> None:
        """Hear that nobody knows whether a write took effect; it is read back after a while, before anything else."""
        self._unsure = self._acted = True
        self._ramp.forget()
        self._trouble.strike(now, f"a write is uncertain: {problem}", self._sent_detail())
        self._trouble.silent_until = now + self.rules.settle_s

    # --- the wish ------------------------------------------------------------------------------------------------

    def _take(self, now: float, wish: Wish) -> None:
        self._wish = wish
        told = f"{wish.stand.value}: {wish.why}"
        if told != self._told:
            self._told = told
            self._notes.append(Note(f"decided {told}", self._detail(target_mw=wish.target_mw), trouble=wish.refused))
        if wish.stand is Stand.ACT:
            self._enter(now, Phase.ACTING)
        elif wish.stand is Stand.HOLD and self.rules.keep_on_hold and self.phase in (Phase.ACTING, Phase.HOLDING):
            self._enter(now, Phase.HOLDING)
        elif self._acted:
            self._enter(now, Phase.RELEASING)
        else:
            self._enter(now, Phase.IDLE)

    def _enter(self, now: float, phase: Phase) -> None:
        if phase is not self.phase:
            self.phase, self._read_at, self._aim = phase, None, None
            self._ramp.forget()
            if phase is Phase.RELEASING:
                self._trouble.pardon(now)
                self._give_up_at = now + GIVE_UP_S
        if phase is Phase.RELEASING:
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        if self.rules.on_release is OnRelease.HOLD:
            self._released("let go: the setpoint stays as it is, and no heartbeat is written any more")
        elif now > self._give_up_at:
            self._released("not let go: the controller's own watchdog must act", trouble=True)

    def _released(self, how: str, *, trouble: bool = False) -> None:
        self._notes.append(Note(how, self._detail(read_mw=self.reading.get(Item.SETPOINT)), trouble=trouble))
        self.phase, self._acted, self._sent, self._unsure = Phase.IDLE, False, None, False
        self.held, self._shadow = {}, {}

    # --- what to write -------------------------------------------------------------------------------------------

    def _next_write(self, now: float) -> Write | None:
        if self._trouble.backing_off(now) or self.phase is Phase.IDLE or not self._permitted(now):
            return None
        if self.phase is Phase.RELEASING:
            return self._letting_go(now)
        if self.phase is Phase.HOLDING:
            if Item.SETPOINT in self.held:  # each reading compares it
                self._trouble.well(now)
            return self._heartbeat()
        if not self._ramp.known:
            self._trouble.tell(now, "the controller shows no power to begin from")
            return None
        write = self._prepared() or self._setpoint(now, self._wish.target_mw, self.rules.deadband_mw)
        if write is None and not self._ramp.fits:
            self._trouble.tell(now, "refused: the setpoint register cannot hold the next step")
            return None
        write = write or self._enable()
        if write is None and self._arrived():
            self._trouble.well(now)
        return write or self._heartbeat()

    def _permitted(self, now: float) -> bool:
        """Whether the plant is in remote control, where it has a register that says so."""
        if self.rules.permit is None or self.reading.get(Item.PERMIT) == self.rules.permit:
            return True
        if self.phase is Phase.RELEASING:
            self._released("let go: the plant was taken into local control")
        else:
            self._trouble.tell(now, "the plant does not permit remote control")
            self._ramp.forget()
        return False

    def _prepared(self) -> Write | None:
        wanted: dict[Item, float | None] = {**self.rules.fixed}
        if Item.HIGH in self.rules.limits:
            wanted[Item.HIGH] = self._wish.pmax_mw
        if Item.LOW in self.rules.limits:
            wanted[Item.LOW] = self._wish.pmin_mw
        for item, value in wanted.items():
            if value is not None and not self._holds(item, value):
                return Write(item, value)
        return None

    def _setpoint(self, now: float, target_mw: float | None, deadband_mw: float) -> Write | None:
        """Return the next step of the ramp; the ramp goes on inside of the deadband without being written."""
        mw, held = self._ramp.step(now, target_mw, self._due), self.held.get(Item.SETPOINT)
        if mw is None or (
            held is not None and abs(mw - held) <= (deadband_mw if self._ramp.inside(held) else 0) + 1e-9
        ):
            return None
        return Write(Item.SETPOINT, mw)

    def _enable(self) -> Write | None:
        on = self.rules.on
        if on is None or self.reading.get(Item.ENABLE) == on:
            if on is not None:
                self.held[Item.ENABLE] = on  # found so, or written: who switches it off now is somebody else
            return None
        return Write(Item.ENABLE, on)

    def _arrived(self) -> bool:
        read, target_mw = self.reading.get(Item.SETPOINT), self._wish.target_mw
        near = self.rules.tolerance_mw + self.rules.deadband_mw
        return read is not None and target_mw is not None and abs(read - target_mw) <= near

    def _heartbeat(self) -> Write | None:
        """Return the next beat, once in each interval and only while nothing is wrong."""
        if not (self.rules.heartbeat and self.rules.live and self._beat_due) or self._trouble.now:
            return None
        self._beat_due = False
        last = int(self.reading.get(Item.HEARTBEAT) or 0) if self._beat is None else self._beat
        self._beat = (last + 1) % _HEARTBEATS
        return Write(Item.HEARTBEAT, self._beat)

    def _letting_go(self, now: float) -> Write | None:
        if self.rules.on_release is OnRelease.DISABLE and self.rules.off is not None:
            if self.reading.get(Item.ENABLE) != self.rules.off:
                return Write(Item.ENABLE, self.rules.off)
            self._released("let go: the enable register is off")
            return None
        release_mw = self.rules.release_mw
        if release_mw is None or self._holds(Item.SETPOINT, release_mw):
            self._released(f"let go: the setpoint is {release_mw} MW")
            return None
        return self._setpoint(now, release_mw, 0.0)

    def _anchor(self, now: float) -> None:
        """Begin from what the plant goes by: its measured power, where there is such a register and we are not in charge."""
        read = self.reading.get(Item.SETPOINT)
        in_charge = self.rules.on is None or self.reading.get(Item.ENABLE) == self.rules.on
        self._ramp.anchor(now, read if in_charge else self.reading.get(Item.ACTUAL, read), self._wish)
        if read is not None:
            self.held[Item.SETPOINT] = read

    # --- what became of it ---------------------------------------------------------------------------------------

    def _compare(self, now: float, write: Write, before: float | None, *, unsure: bool) -> None:
        """Hold what was written against what is read back."""
        if write.item is Item.HEARTBEAT:
            return
        read, matches = self.reading.get(write.item), self._holds(write.item, write.value)
        detail = {"item": write.item.value, "written": write.value, "before": before, "read": read}
        self.held.pop(write.item, None)
        if unsure:
            fate = "took effect" if matches else "did not take effect" if read == before else "had another effect"
            self._notes.append(Note(f"read back: the uncertain write {fate}", self._detail(**detail)))
        elif not matches:
            self._trouble.strike(now, f"{write.item.value}: what is read back is not what was written", detail)
        else:
            self._trouble.well(now)
            self._give_up_at = now + GIVE_UP_S
        if matches:
            self.held[write.item] = write.value
        else:
            self._ramp.forget()

    def _look_for_others(self, now: float) -> None:
        """See whether what was agreed is still there."""
        gone = [item for item, value in self.held.items() if not self._holds(item, value)]
        if gone and self.phase in (Phase.ACTING, Phase.HOLDING):
            what = f"the {gone[0].value} was changed by others, or the controller started again"
            self._trouble.strike(now, what, {"held": self.held[gone[0]], "read": self.reading.get(gone[0])})
        if gone:
            self.held = {}
            self._ramp.forget()

    def _holds(self, item: Item, value: float) -> bool:
        read = self.reading.get(item)
        return read is not None and abs(read - value) <= (self.rules.tolerance_mw if item in _POWERS else 0.0)

    # --- what is told --------------------------------------------------------------------------------------------

    def _tell_write(self, write: Write) -> None:
        if write.item is Item.HEARTBEAT:
            return
        would = "writes" if self.rules.live else "would write"
        text = f"{would} {write.item.value} {write.value:g}{' MW' if write.item in _POWERS else ''}"
        detail = self._detail(
            written=write.value,
            before=self._real.get(write.item),
            target_mw=self._wish.target_mw,
            why=self._wish.why,
        )
        steady = write.item is Item.SETPOINT and self._aim == (self.phase, self._wish.aim)
        if write.item is Item.SETPOINT:
            self._aim = (self.phase, self._wish.aim)
        self._notes.append(Note(text, detail, steady_mw=write.value if steady else None))

    def _pretend(self, write: Write) -> None:
        self._acted = True
        self._shadow[write.item] = self.held[write.item] = write.value
        self.reading = {**self.reading, write.item: write.value}

    def _sent_detail(self) -> dict[str, object]:
        if self._sent is None:
            return {}
        write, before = self._sent
        return {"item": write.item.value, "written": write.value, "before": before}

    def _detail(self, **more: object) -> dict[str, object]:
        return {"mode": "live" if self.rules.live else "dry-run", **more}
