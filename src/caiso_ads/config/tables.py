"""The tables of the configuration file: every key once, with its range and its meaning.

Rule: a table checks what it can see alone; ConfigError names the key, the reader adds file, line and table.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from caiso_ads.ads.exchange import Endpoint
from caiso_ads.core.answering import read_reason
from caiso_ads.core.directive import DEFAULT_LIMITS, AgeLimits, Environment, Fallback, Then
from caiso_ads.core.happenings import CLOCK_LIMIT_S
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode, Resource
from caiso_ads.errors import CommandError, ConfigError

Technology = Literal["solar", "wind", "storage", "gas", "hydro", "intertie", "other"]


class AdsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[ads]``: the ISO's service, our certificate, and how we behave towards it."""

    url: Annotated[str, Meta(description="address of the dispatch service, https only")]
    response_url: Annotated[
        str, Meta(description="address of the response service; by default url with APIResponseWebService")
    ] = ""
    version: Annotated[str, Meta(description="API version such as v8; by default the one url names, else v8")] = ""
    certificate: Annotated[Path, Meta(description="our client certificate: PEM with its chain, or .p12/.pfx")]
    key: Annotated[Path | None, Meta(description="our private key; by default in the certificate file")] = None
    passphrase_file: Annotated[Path | None, Meta(description="file whose first line is the key's passphrase")] = None
    ca_file: Annotated[
        Path | None, Meta(description="authorities that may sign the server; by default the machine's")
    ] = None
    poll_interval_s: Annotated[float, Meta(ge=1, le=60, description="time between two polls; CAISO asks for 10")] = 10.0
    call_deadline_s: Annotated[float, Meta(ge=1, le=60, description="time one call may take in all")] = 8.0
    acknowledge: Annotated[
        bool, Meta(description="confirm receipt to the ISO (validateDispatchBatch) after storing and publishing")
    ] = False
    environment: Annotated[
        Environment, Meta(description="anything but production shows directive TEST and refuses production hosts")
    ] = Environment.PRODUCTION

    def __post_init__(self) -> None:
        """Complete the addresses as the client would, and check them; ConfigError names the key."""
        for key, url in (("url", self.url), ("response_url", self.response_url)):
            if url or key == "url":
                check_url(key, url, self.environment)
        endpoint = Endpoint.of(self.url, self.response_url or None, self.version or None)
        msgspec.structs.force_setattr(self, "response_url", endpoint.response_url)
        msgspec.structs.force_setattr(self, "version", endpoint.version)


class StoreConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[store]``: the durable memory."""

    path: Annotated[Path, Meta(description="SQLite file; made on first start, on a local disk")]


class ResourceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[resource]]``: one resource served to the plant, in the order of the register map."""

    id: Annotated[str, Meta(description="resource ID as the ISO writes it")]
    name: Annotated[str, Meta(description="name for people; by default the id")] = ""
    pmin_mw: Annotated[float, Meta(description="lowest setpoint the plant may be given, MW")]
    pmax_mw: Annotated[float, Meta(description="highest setpoint the plant may be given, MW")]
    technology: Annotated[
        Technology, Meta(description="solar and wind follow the DOT only when the ISO's follow-DOT flag says so")
    ] = "other"
    setpoint: Annotated[
        Literal["dop", "ramp", "step"],
        Meta(description="the ISO's operating points, our ramp between targets, or each target as a step"),
    ] = "dop"
    operating_min_mw: Annotated[
        float, Meta(ge=0, description="least power while running, MW: start-up jumps to it, shut-down leaves from it")
    ] = 0.0
    ramp_mw_per_min: Annotated[
        float | None, Meta(description="fastest ramp, MW per minute; by default not limited")
    ] = None
    mismatch_mw: Annotated[
        float, Meta(gt=0, description="how far our ramp and the ISO's operating points may disagree, MW")
    ] = 5.0
    beyond_ramp: Annotated[
        Literal["publish", "refuse"],
        Meta(description="a step the ramp rate cannot do: published with a notice, or refused as outside the limits"),
    ] = "publish"
    link_lost_hold_min: Annotated[
        float, Meta(ge=0, le=1440, description="after the link is lost, hold the last good value so many minutes")
    ] = 30.0
    link_lost_then: Annotated[
        Literal["hold", "release", "value"], Meta(description="what follows: hold on, release, or fallback_mw")
    ] = "release"
    fallback_mw: Annotated[float | None, Meta(description='setpoint for link_lost_then = "value", MW')] = None
    node: Annotated[str, Meta(description="pricing node whose LMP is shown beside the target; by default none")] = ""
    auto_accept_within_mw: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="accept an hourly DOT this near to its schedule by itself, MW; by default never"),
    ] = None
    capability_mw: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="what it can give, MW, in either direction; by default the larger of its limits"),
    ] = None
    auto_decline_above_capability: Annotated[
        bool, Meta(description="decline an hourly DOT above capability_mw, or above what an outage leaves, by itself")
    ] = False
    decline_reason: Annotated[
        int | str | None,
        Meta(
            description="reason for that: 10 line-down, 11 economic-considerations, 12 bad-bid-submitted, "
            "13 unit-derate or 14 no-available-transmission"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Trim the texts, check the limits; ConfigError names the key."""
        msgspec.structs.force_setattr(self, "id", self.id.strip())
        msgspec.structs.force_setattr(self, "name", self.name.strip() or self.id)
        msgspec.structs.force_setattr(self, "node", self.node.strip())
        for key, text in (("id", self.id), ("name", self.name)):
            if not text or not text.isprintable():
                raise ConfigError("must be text without control characters, and not empty", key=key)
        if self.pmin_mw > self.pmax_mw:
            raise ConfigError(f"{self.pmin_mw:g} MW is above pmax_mw = {self.pmax_mw:g} MW", key="pmin_mw")
        if self.ramp_mw_per_min is not None and not self.ramp_mw_per_min > 0.0:
            raise ConfigError(f"{self.ramp_mw_per_min:g} MW per minute is not above 0", key="ramp_mw_per_min")
        if self.beyond_ramp == "refuse" and self.ramp_mw_per_min is None:
            raise ConfigError('"refuse" needs ramp_mw_per_min', key="beyond_ramp")
        if (self.fallback_mw is None) == (self.link_lost_then == "value"):
            raise ConfigError('goes together with link_lost_then = "value"', key="fallback_mw")
        if self.fallback_mw is not None and not self.pmin_mw <= self.fallback_mw <= self.pmax_mw:
            raise ConfigError(f"{self.fallback_mw:g} MW is not between pmin_mw and pmax_mw", key="fallback_mw")
        self._check_decline()

    def _check_decline(self) -> None:
        if (self.decline_reason is None) == self.auto_decline_above_capability:
            raise ConfigError("goes together with auto_decline_above_capability = true", key="decline_reason")
        if self.decline_reason is not None:
            try:
                read_reason(self.decline_reason)
            except CommandError as error:
                raise ConfigError(error.problem, key="decline_reason") from error

    @property
    def resource(self) -> Resource:
        """The same as the core knows it."""
        fallback = Fallback(self.link_lost_hold_min * 60.0, Then(self.link_lost_then), self.fallback_mw)
        return Resource(
            self.id, self.name, self.pmin_mw, self.pmax_mw, self.technology in {"solar", "wind"}, Mode(self.setpoint),
            Machine(self.operating_min_mw, self.ramp_mw_per_min), fallback, self.mismatch_mw,
            self.beyond_ramp == "refuse", self.node,
        )  # fmt: skip


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``: the ages after which a number no longer counts as good."""

    link_uncertain_s: Annotated[
        float, Meta(ge=5, le=300, description="without a complete poll for so long: quality UNCERTAIN")
    ] = DEFAULT_LIMITS.link_uncertain_s
    link_bad_s: Annotated[
        float, Meta(ge=30, le=300, description="without a complete poll for so long: quality BAD_COMM")
    ] = DEFAULT_LIMITS.link_bad_s
    market_silent_s: Annotated[
        float, Meta(ge=300, le=3600, description="ADS answers, but no 5-minute batch for so long: quality UNCERTAIN")
    ] = DEFAULT_LIMITS.market_silent_s
    clock_off_s: Annotated[
        float, Meta(ge=2, le=60, description="our clock so far from the ISO's: targets are frozen, directive HOLD")
    ] = CLOCK_LIMIT_S
    schedule_bad_s: Annotated[
        float, Meta(ge=0, le=900, description="so long after the trajectory ran out: quality BAD_STALE")
    ] = DEFAULT_LIMITS.schedule_bad_s
    missed_intervals_alarm: Annotated[
        int, Meta(ge=1, le=288, description="so many 5-minute intervals in a row without a target: notice and alarm")
    ] = DEFAULT_LIMITS.missed_intervals_alarm

    def __post_init__(self) -> None:
        """Uncertain comes before bad; ConfigError names the key."""
        if self.link_uncertain_s > self.link_bad_s:
            raise ConfigError(f"must not be above link_bad_s = {self.link_bad_s:g}", key="link_uncertain_s")

    @property
    def ages(self) -> AgeLimits:
        """The same as the core's own type."""
        return AgeLimits(
            self.link_uncertain_s, self.link_bad_s, self.schedule_bad_s, self.market_silent_s,
            self.missed_intervals_alarm,
        )  # fmt: skip


def check_url(key: str, url: str, environment: Environment) -> None:
    """Refuse what is not https, and a host of another environment; ConfigError names the key."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not an address: {error}", key=key) from error
    if parts.scheme != "https" or not host or "@" in parts.netloc or not url.isprintable() or " " in url:
        raise ConfigError(f"{url!r} must be https://host/path, without a user name", key=key)
    caiso = host == "caiso.com" or host.endswith(".caiso.com")
    if environment is Environment.SIMULATOR and caiso:
        raise ConfigError(f"environment is simulator but {host} belongs to CAISO", key=key)
    if environment is Environment.MARKET_SIM and host.endswith(".prod.caiso.com"):
        raise ConfigError(f"environment is market-sim but {host} is CAISO's production", key=key)
    if environment is Environment.PRODUCTION and _is_loopback(host):
        raise ConfigError(
            f"environment is production but {host} is this machine",
            key=key,
            cure='Set environment = "simulator" to work with the simulator.',
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# --- describing --------------------------------------------------------------------------------------------------
