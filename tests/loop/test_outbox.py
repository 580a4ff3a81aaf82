"""Receipts are confirmed at least once, only after storing and showing, and never in a hurry."""

from __future__ import annotations

from datetime import timedelta

from caiso_ads.errors import LocalError, SoapFaultError, UnreachableError
from caiso_ads.loop.outbox import Outbox
from caiso_ads.ports import Intent
from caiso_ads.ports.answers import Fact
from tests.fakes import START, FakeClock, MemoryStore, ScriptedSource, batch
from tests.rig import Rig


async def test_nothing_is_acknowledged_when_the_configuration_does_not_say_so() -> None:
    rig = Rig(acknowledge=False)
    rig.source.batches = [batch("A")]
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert rig.validated() == []


async def test_what_an_earlier_run_left_is_not_acknowledged_either_then() -> None:
    rig = Rig(acknowledge=False)
    rig.store.intents[1] = Intent(1, "validate", "OLD", START - timedelta(hours=1))
    await rig.gateway.restore()
    await rig.acknowledge()
    assert rig.validated() == []
    assert len(await rig.store.pending_intents()) == 1


async def test_nothing_is_acknowledged_while_a_required_sink_is_down_and_it_is_afterwards() -> None:
    rig = Rig()
    rig.serving = False
    rig.source.batches = [batch("A")]
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert rig.validated() == []
    assert rig.gateway.feed.latest.gateway_value("unacknowledged_batches").value == 1
    rig.serving = True
    await rig.acknowledge()
    assert rig.validated() == ["A"]


async def test_a_lost_answer_to_validate_is_asked_again_later_not_at_once() -> None:
    rig = Rig()
    rig.source.batches = [batch("A")]
    rig.source.fail["validate"] = UnreachableError("reset")
    await rig.gateway.poll_once()
    for _ in range(5):
        await rig.acknowledge()
    assert rig.validated() == ["A"]
    rig.source.fail.clear()
    await rig.clock.advance(11.0)
    await rig.acknowledge()
    assert rig.validated() == ["A", "A"]
    assert rig.store.settled[-1] == (1, "sent", True)


async def test_a_receipt_the_iso_refuses_is_given_up_after_five_tries() -> None:
    rig = Rig()
    rig.source.batches = [batch("A")]
    rig.source.fail["validate"] = SoapFaultError("Client", "not primary")
    await rig.gateway.poll_once()
    for _ in range(9):
        await rig.acknowledge()
        await rig.clock.advance(61.0)
    assert rig.validated() == ["A"] * 5
    assert rig.store.settled[-1][2] is True


async def test_a_receipt_is_retried_until_the_isos_cache_has_forgotten_the_batch() -> None:
    rig = Rig()
    rig.store.intents[1] = Intent(1, "validate", "OLD", START - timedelta(hours=25))
    rig.source.fail["validate"] = UnreachableError("down")
    await rig.gateway.restore()
    await rig.acknowledge()
    assert rig.store.settled[-1][2] is True


async def test_the_result_of_a_receipt_that_cannot_be_stored_is_sent_again_and_stored_later() -> None:
    rig = Rig()
    rig.source.batches = [batch("A")]
    await rig.gateway.poll_once()
    rig.store.broken = True
    await rig.acknowledge()
    rig.store.broken = False
    await rig.clock.advance(61.0)
    await rig.acknowledge()
    assert rig.store.settled == [(1, "sent", True)]


async def test_what_our_own_client_refuses_to_send_is_given_up_at_once_and_harms_nobody() -> None:
    rig = Rig()
    rig.source.batches = [batch("TRAJ-1"), batch("A")]

    async def refuse(operation: str, uid: str) -> None:
        if operation == "validate" and uid.startswith("TRAJ-"):
            raise LocalError("only dispatch batches are validated")

    rig.source.on_call = refuse
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert rig.store.settled == [(1, "LocalError: only dispatch batches are validated", True), (2, "sent", True)]


async def test_a_confirmed_receipt_is_in_the_evidence_and_a_failed_one_is_not() -> None:
    facts: list[Fact] = []
    source, store, clock = ScriptedSource(), MemoryStore(), FakeClock()
    outbox = Outbox(source, store, clock, lambda: True, facts.append)
    for number, uid in enumerate(("A", "B"), start=1):
        store.intents[number] = Intent(number, "validate", uid, START)

    async def refuse(operation: str, uid: str) -> None:
        if uid == "B":
            raise UnreachableError("down")

    source.on_call = refuse
    for intent in store.intents.values():
        outbox.add(intent, 0)
    await outbox.send_due(Rig().gateway.feed)
    assert [(fact.kind, fact.uid) for fact in facts] == [("acknowledged", "A")]
