"""Who owns what: resources with their limits, and certificates with their roles.

Rule: a certificate sees exactly the resources its identity names. Spec: Market Instruments BPM §11 (roles).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Technology(StrEnum):
    """What drives a resource's day."""

    SOLAR = "solar"
    WIND = "wind"
    STORAGE = "storage"
    GAS = "gas"
    HYDRO = "hydro"
    INTERTIE = "intertie"


class Role(StrEnum):
    """What a certificate may do for a resource: validate (primary), respond (primary, secondary), read (all)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Resource:
    """One dispatchable resource. Powers in MW, positive into the grid; the ramp rate in MW per minute.

    ``commits`` marks a unit that is started and stopped; ``mss`` one that may send load-following requests;
    ``answers_itself`` one whose hourly awards are accepted by a company outside the test; ``exceptional_share`` is
    the share of four-hour blocks in which an exceptional dispatch holds the resource.
    """

    resource_id: str
    name: str
    technology: Technology
    pmin_mw: float
    pmax_mw: float
    ramp_mw_per_min: float
    as_types: tuple[str, ...] = ()
    mss: bool = False
    answers_itself: bool = False
    exceptional_share: float = 0.0

    @property
    def commits(self) -> bool:
        """Whether the unit is committed, so that 0 MW and Pmin are two different states."""
        return self.technology is Technology.GAS

    @property
    def node(self) -> str:
        """The price node it feeds into, named as published ones are."""
        return f"{self.resource_id.rpartition('_')[0]}_N001"

    @property
    def renewable(self) -> bool:
        """Whether the resource is wind or solar, which carry the follow-DOT flag."""
        return self.technology in {Technology.SOLAR, Technology.WIND}


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate: its common name and its role for each resource it may see."""

    common_name: str
    roles: Mapping[str, Role] = field(default_factory=dict)

    def role(self, resource_id: str) -> Role | None:
        """Return the role, or None where the resource must stay invisible."""
        return self.roles.get(resource_id)


@dataclass(frozen=True, slots=True)
class Fleet:
    """All resources of the simulated ISO and all certificates it knows."""

    resources: tuple[Resource, ...]
    identities: tuple[Identity, ...]

    def identity(self, common_name: str) -> Identity | None:
        """Return who that certificate is, or None for a stranger."""
        return next((i for i in self.identities if i.common_name == common_name), None)

    def resource(self, resource_id: str) -> Resource | None:
        """Return a resource by its identifier."""
        return next((r for r in self.resources if r.resource_id == resource_id), None)

    def visible_to(self, common_name: str) -> tuple[Resource, ...]:
        """Return what that certificate sees, in fleet order."""
        identity = self.identity(common_name)
        return tuple(r for r in self.resources if identity is not None and identity.role(r.resource_id))


OPERATOR = "Plant Operatorx1234"
BACKUP = "Plant Backupx1235"
VIEWER = "Plant Viewerx1236"
COMPETITOR = "Other Companyx9876"

_OURS = (
    Resource("SUNRDG_7_SOLAR1", "Sun Ridge", Technology.SOLAR, 0.0, 150.0, 15.0),
    Resource("WNDPAS_2_WIND1", "Windy Pass", Technology.WIND, 0.0, 100.0, 10.0),
    Resource("BATFLD_6_STOR1", "Battery Field", Technology.STORAGE, -80.0, 80.0, 80.0, as_types=("RU", "RD")),
    Resource("RIVRCK_1_GAS1", "River Rock", Technology.GAS, 40.0, 180.0, 6.0, as_types=("SR",)),
    Resource(
        "STNLKE_7_HYDRO1",
        "Stone Lake",
        Technology.HYDRO,
        5.0,
        60.0,
        10.0,
        as_types=("SR", "NR"),
        mss=True,
        exceptional_share=0.4,
    ),
    Resource("NORTIE_5_IMPRT1", "North Tie import", Technology.INTERTIE, 0.0, 50.0, 50.0),
)
_THEIRS = (
    Resource("OTHRCO_1_GAS9", "Other gas", Technology.GAS, 60.0, 300.0, 8.0, as_types=("SR",)),
    Resource("OTHRCO_7_SOLAR9", "Other solar", Technology.SOLAR, 0.0, 90.0, 9.0),
    Resource(
        "OTHRCO_7_HYDRO9",
        "Other hydro",
        Technology.HYDRO,
        10.0,
        120.0,
        20.0,
        as_types=("RU", "RD"),
        exceptional_share=1.0,
    ),
    Resource("OTHRCO_5_IMPRT9", "Other import", Technology.INTERTIE, 0.0, 200.0, 200.0, answers_itself=True),
)


def default_fleet() -> Fleet:
    """Return six resources of one plant owner, four of another, and the certificates of both."""
    ours, theirs = [r.resource_id for r in _OURS], [r.resource_id for r in _THEIRS]
    return Fleet(
        resources=_OURS + _THEIRS,
        identities=(
            Identity(OPERATOR, dict.fromkeys(ours, Role.PRIMARY)),
            Identity(BACKUP, dict.fromkeys(ours, Role.SECONDARY)),
            Identity(VIEWER, dict.fromkeys(ours, Role.READ)),
            Identity(COMPETITOR, dict.fromkeys(theirs, Role.PRIMARY)),
        ),
    )
