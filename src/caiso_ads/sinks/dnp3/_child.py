"""The process of the DNP3 sink. Rule: only here is the library imported where a gateway runs."""

from __future__ import annotations

from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._child.process import main
from caiso_ads.sinks.dnp3 import Setup
from caiso_ads.sinks.dnp3.server import Dnp3Sink, settings_of


def make(setup: Setup, evidence: SinkEvidence) -> Dnp3Sink:
    """Return the outstation of a setup."""
    config = setup.config
    return Dnp3Sink(config.plan(setup.resource_ids, setup.node_ids), settings_of(config), evidence)


if __name__ == "__main__":
    main(Setup, make)
