from __future__ import annotations

from caiso_ads.simulator.fleet import COMPETITOR, OPERATOR, VIEWER, Identity
from caiso_ads.simulator.visibility import of_batch, of_trajectory
from tests.simulator.bench import Bench


def test_two_certificates_never_see_each_others_resources() -> None:
    bench = Bench()
    ours, theirs = bench.who(OPERATOR), bench.who(COMPETITOR)
    for batch in bench.batches():
        mine = {i.resource_id for i in of_batch(batch, ours, "v8").instructions}
        other = {i.resource_id for i in of_batch(batch, theirs, "v8").instructions}
        assert mine <= set(ours.roles)
        assert other <= set(theirs.roles)
    for entry in bench.market.trajectories:
        seen = of_trajectory(entry.full(), ours)
        assert {p.resource_id for p in seen.dops} == set(ours.roles)
        assert {c.resource_id for c in seen.compliance} == set(ours.roles)


def test_a_reader_sees_what_the_operator_sees() -> None:
    bench = Bench()
    batch = bench.batches()[-1]
    assert of_batch(batch, bench.who(VIEWER), "v8") == of_batch(batch, bench.who(OPERATOR), "v8")


def test_v7_knows_no_follow_dot_flag() -> None:
    bench = Bench()
    flagged = next(
        b for b in bench.batches() if any(i.follow_dot_flag and "OTHR" not in i.resource_id for i in b.instructions)
    )
    who = bench.who()
    assert any(i.follow_dot_flag for i in of_batch(flagged, who, "v8").instructions)
    assert not any(i.follow_dot_flag for i in of_batch(flagged, who, "v7").instructions)


def test_a_stranger_sees_headers_only() -> None:
    batch = Bench().batches()[-1]
    assert of_batch(batch, Identity("nobody"), "v8").instructions == ()
