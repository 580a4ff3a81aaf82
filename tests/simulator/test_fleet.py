from __future__ import annotations

from caiso_ads.simulator.fleet import BACKUP, COMPETITOR, OPERATOR, VIEWER, Role, Technology, default_fleet


def test_default_fleet_has_every_technology_for_its_plant() -> None:
    visible = default_fleet().visible_to(OPERATOR)
    assert {r.technology for r in visible} == set(Technology)
    assert any(r.pmin_mw < 0 for r in visible)


def test_no_resource_is_visible_to_both_companies() -> None:
    fleet = default_fleet()
    ours = {r.resource_id for r in fleet.visible_to(OPERATOR)}
    theirs = {r.resource_id for r in fleet.visible_to(COMPETITOR)}
    assert ours
    assert theirs
    assert not ours & theirs
    assert ours | theirs == {r.resource_id for r in fleet.resources}


def test_each_certificate_of_the_plant_has_its_own_role() -> None:
    fleet = default_fleet()
    roles = {}
    for name in (OPERATOR, BACKUP, VIEWER):
        identity = fleet.identity(name)
        assert identity is not None
        roles[name] = set(identity.roles.values())
    assert roles == {OPERATOR: {Role.PRIMARY}, BACKUP: {Role.SECONDARY}, VIEWER: {Role.READ}}


def test_a_stranger_is_nobody_and_sees_nothing() -> None:
    fleet = default_fleet()
    assert fleet.identity("Somebody Elsex1") is None
    assert fleet.visible_to("Somebody Elsex1") == ()
    assert fleet.resource("NOT_THERE") is None


def test_each_resource_feeds_a_node_named_after_its_station() -> None:
    solar = default_fleet().resource("SUNRDG_7_SOLAR1")
    assert solar is not None
    assert solar.node == "SUNRDG_7_N001"
