"""Finding nodes by what a person remembers of their names. Pure, over the ISO's catalogues as they were stored.

Rule: exact before prefix before substring; and where nothing is found, the nearest spelling is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from caiso_ads.core.price import NodeInfo

NODE_KINDS = ("APNODE", "PNODE")
MOST_SUGGESTIONS = 5


def find(text: str, catalogues: Mapping[str, Sequence[NodeInfo]]) -> list[NodeInfo]:
    """Return the rows whose name, or whose node, contains the text, best first; upper and lower case are the same."""
    wanted = text.strip().upper()
    if not wanted:
        return []
    ranked = [
        (rank, row.name, row.kind, row)
        for rows in catalogues.values()
        for row in rows
        if (rank := _rank(wanted, row)) is not None
    ]
    return [row for *_, row in sorted(ranked, key=lambda each: each[:3])]


def _rank(wanted: str, row: NodeInfo) -> int | None:
    name, node = row.name.upper(), row.node.upper()
    if wanted == name:
        return 0
    if wanted == node:
        return 1
    if name.startswith(wanted):
        return 2
    if wanted in name:
        return 3
    return 4 if wanted in node else None


def suggest(name: str, known: Iterable[str]) -> list[str]:
    """Return known names that are spelled nearly like this one, nearest first."""
    by_upper = {each.upper(): each for each in known}
    near = get_close_matches(name.strip().upper(), by_upper, n=MOST_SUGGESTIONS, cutoff=0.75)
    return [by_upper[each] for each in near]


def node_of(resource_id: str, resources: Iterable[NodeInfo]) -> str | None:
    """Return the node of a resource; None when the catalogue does not know it, or names no node."""
    wanted = resource_id.strip().upper()
    return next((row.node for row in resources if row.name.upper() == wanted and row.node), None)


def unknown(nodes: Collection[str], catalogues: Mapping[str, Sequence[NodeInfo]]) -> list[str]:
    """Return those of the nodes that no catalogue has; none while the catalogues are empty."""
    known = names(catalogues)
    return [node for node in nodes if node not in known] if known else []


def names(catalogues: Mapping[str, Sequence[NodeInfo]]) -> set[str]:
    """Return the names of all nodes that can be asked for."""
    return {row.name for kind in NODE_KINDS for row in catalogues.get(kind, ())}
