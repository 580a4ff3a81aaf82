"""The nodes of the simulated grid: the fleet's own first, then hubs and load areas, then invented stations.

Rule: the same seed and size give the same names; a node of the fleet is always there, whatever the size. Names follow
the patterns of published ones: ``STATION_VOLTAGE_N001`` for a node, ``...-APND`` for an aggregate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from caiso_ads.core.price import NodeInfo
from caiso_ads.simulator.fleet import Fleet
from caiso_ads.simulator.noise import unit

LARGEST = 17_000
HUB = "TH_NP15_GEN-APND"
_INTERNAL = ("TH_NP15_GEN", "TH_SP15_GEN", "TH_ZP26_GEN", "DLAP_PGAE", "DLAP_SCE", "DLAP_SDGE", "DLAP_VEA")
_EXTERNAL = ("ELAP_PACE", "ELAP_PACW", "ELAP_NEVP", "ELAP_PSEI", "ELAP_AZPS", "ELAP_PGE", "ELAP_IPCO")
_LETTERS = "ABCDEFGHIKLMNOPRSTUVWXY"
_VOLTAGES = ("1", "2", "5", "6", "7")
_OPENED = datetime(2009, 4, 1, 7, tzinfo=UTC)
_SHARE_WITH_UNIT = 0.3


class Nodes:
    """All nodes; ``size`` counts priced ones and is at least the fleet's and the aggregates, at most ``LARGEST``."""

    def __init__(self, fleet: Fleet, *, seed: int = 1, size: int = 500) -> None:
        own = tuple(dict.fromkeys(resource.node for resource in fleet.resources))  # two may share one
        self.aggregates = tuple(f"{name}-APND" for name in (*_INTERNAL, *_EXTERNAL))
        wanted = min(size, LARGEST) - len(own) - len(self.aggregates)
        stations = islice(_stations(seed, frozenset(own)), max(0, wanted))
        self.pnodes = (*own, *stations)
        self._priced = frozenset((*self.pnodes, *self.aggregates))
        self._resources = {resource.resource_id: resource.node for resource in fleet.resources} | {
            f"{node.rpartition('_')[0]}_UNIT {node[-1]}": node
            for node in self.pnodes[len(own) :]
            if unit(seed, "unit", node) < _SHARE_WITH_UNIT
        }

    def __contains__(self, name: object) -> bool:
        return name in self._priced

    @property
    def everything(self) -> tuple[str, ...]:
        """Every priced node, by name."""
        return tuple(sorted(self._priced))

    def catalogue(self, kind: str) -> tuple[NodeInfo, ...]:
        """Return the rows of ATL_PNODE, ATL_APNODE or ATL_RESOURCE by name; ``kind`` as in ``reports.CATALOGUES``."""
        if kind == "RESOURCE":
            return tuple(NodeInfo(kind, name, node, _OPENED) for name, node in sorted(self._resources.items()))
        names = self.pnodes if kind == "PNODE" else self.aggregates
        return tuple(NodeInfo(kind, name, start=_OPENED) for name in sorted(names))


def is_external(node: str) -> bool:
    """Whether a node lies outside California, where a greenhouse-gas component appears."""
    return node.startswith("ELAP_")


def _stations(seed: int, taken: frozenset[str]) -> Iterator[str]:
    """Yield node names without end, none twice: one to four of them in each station."""
    seen: set[str] = set()
    number = 0
    while True:
        number += 1
        digits = int(unit(seed, "station", number) * len(_LETTERS) ** 6)
        letters = ""
        for _ in range(6):
            digits, place = divmod(digits, len(_LETTERS))
            letters += _LETTERS[place]
        if letters in seen:
            continue
        seen.add(letters)
        voltage = _VOLTAGES[int(unit(seed, "voltage", number) * len(_VOLTAGES))]
        for bay in range(1, 2 + int(unit(seed, "bays", number) * 4)):
            name = f"{letters}_{voltage}_N{bay:03}"
            if name not in taken:
                yield name
