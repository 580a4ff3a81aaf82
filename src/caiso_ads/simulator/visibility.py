"""What one certificate sees of an ISO-wide document. Rule: nothing leaves the simulator without passing here."""

from __future__ import annotations

from dataclasses import replace

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.simulator.fleet import Identity


def of_batch(batch: DispatchBatch, who: Identity, version: str) -> DispatchBatch:
    """Keep the instructions of visible resources; v7 has no follow-DOT flag."""
    rows = (i for i in batch.instructions if who.role(i.resource_id))
    if version == "v7":
        rows = (replace(i, follow_dot_flag=None) if i.follow_dot_flag else i for i in rows)
    return replace(batch, instructions=tuple(rows))


def of_trajectory(batch: TrajectoryBatch, who: Identity) -> TrajectoryBatch:
    """Keep the points and compliance of visible resources."""
    return replace(
        batch,
        dops=tuple(p for p in batch.dops if who.role(p.resource_id)),
        compliance=tuple(c for c in batch.compliance if who.role(c.resource_id)),
    )
