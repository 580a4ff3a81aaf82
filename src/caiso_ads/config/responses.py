"""``[responses]`` and ``[[outage]]``: whether anything is answered, by which certificate, and what is out of service.

Rule: by default nothing is answered without a person. ``read_only`` wins over every other key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from caiso_ads.config.tables import AdsConfig, ResourceConfig
from caiso_ads.core.answering import read_reason
from caiso_ads.core.policy import Outage, Policy, PolicyMode
from caiso_ads.errors import ConfigError


class ResponsesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[responses]``: answers to the ISO."""

    mode: Annotated[
        Literal["off", "dry-run", "on"],
        Meta(description="automatic answers: none, recorded as what would have been sent, or sent"),
    ] = "off"
    read_only: Annotated[
        bool, Meta(description="send the ISO nothing but reads: no answers, no load following, no receipt")
    ] = False
    certificate: Annotated[
        Path | None, Meta(description="client certificate for answers; by default that of [ads]")
    ] = None
    key: Annotated[Path | None, Meta(description="its private key; by default in the certificate file")] = None
    passphrase_file: Annotated[Path | None, Meta(description="file whose first line is that key's passphrase")] = None
    two_person_declines: Annotated[
        bool, Meta(description="a decline, also an automatic one, is sent after a second person agreed")
    ] = False

    def __post_init__(self) -> None:
        """Refuse a key without its certificate; ConfigError names the key."""
        for name in ("key", "passphrase_file"):
            if getattr(self, name) is not None and self.certificate is None:
                raise ConfigError("belongs to a certificate of its own, which is not given", key=name)

    @property
    def policy_mode(self) -> PolicyMode:
        """What becomes of automatic decisions: in read-only mode they are recorded at most."""
        mode = PolicyMode(self.mode)
        return PolicyMode.DRY_RUN if self.read_only and mode is PolicyMode.ON else mode


DEFAULT_RESPONSES = ResponsesConfig()
"""Answers by people only, with the certificate of ``[ads]``."""


class OutageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[outage]]``: for some time a resource can give less."""

    resource: Annotated[str, Meta(description="id of a [[resource]]")]
    start: Annotated[datetime, Meta(tz=True, description="from this time on, such as 2026-07-01T08:00:00-07:00")]
    end: Annotated[datetime, Meta(tz=True, description="until before this time")]
    available_mw: Annotated[float, Meta(ge=0, description="what it can give at most, MW, in either direction")] = 0.0

    def __post_init__(self) -> None:
        """Turn the times into UTC; ConfigError for an end that is not after the start."""
        msgspec.structs.force_setattr(self, "resource", self.resource.strip())
        for name in ("start", "end"):
            try:
                msgspec.structs.force_setattr(self, name, getattr(self, name).astimezone(UTC))
            except OverflowError as error:
                raise ConfigError("is a time no calendar holds", key=name) from error
        if self.end <= self.start:
            raise ConfigError("is not after start", key="end")

    @property
    def outage(self) -> Outage:
        """The same as the core knows it."""
        return Outage(self.resource, self.start, self.end, self.available_mw)


def identity_for_responses(ads: AdsConfig, responses: ResponsesConfig) -> tuple[Path, Path | None, Path | None]:
    """Return certificate, key and passphrase file for response calls: their own, else those of ``[ads]``."""
    if responses.certificate is None:
        return ads.certificate, ads.key, ads.passphrase_file
    return responses.certificate, responses.key, responses.passphrase_file


def policies(resources: Iterable[ResourceConfig], responses: ResponsesConfig) -> dict[str, Policy]:
    """Return each resource's policy, by its id."""
    return {resource.id: _policy(resource, responses) for resource in resources}


def capabilities(resources: Iterable[ResourceConfig]) -> dict[str, float]:
    """Return what each resource can give without an outage (MW, an amount), by its id: by default its larger limit."""
    return {
        item.id: max(abs(item.pmin_mw), abs(item.pmax_mw)) if item.capability_mw is None else item.capability_mw
        for item in resources
    }


def _policy(resource: ResourceConfig, responses: ResponsesConfig) -> Policy:
    return Policy(
        responses.policy_mode,
        resource.auto_accept_within_mw,
        resource.auto_decline_above_capability,
        None if resource.decline_reason is None else read_reason(resource.decline_reason),
        responses.two_person_declines,
        resource.pmin_mw,
        resource.pmax_mw,
    )
