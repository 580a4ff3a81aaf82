"""The ways alarms reach people who do not look: one line for each kind, and nothing else knows its library.

Rule: a module is imported only when a table ``[[notify]]`` names its kind. Its ``Config`` is a frozen msgspec struct of
the keys that only this kind has (``rules`` holds those of all); ``build()`` returns the way, reading its secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from caiso_ads.notify.message import Message
from caiso_ads.notify.rules import RulesConfig

KINDS: dict[str, str] = {
    "email": "caiso_ads.notify.mail",
    "webhook": "caiso_ads.notify.webhook",
    "mqtt": "caiso_ads.notify.mqtt",
    "command": "caiso_ads.notify.program",
}


class Way(Protocol):
    """How one notifier sends. It holds nothing open between two messages."""

    async def send(self, message: Message) -> None:
        """Send; when it returns, the other side has taken it. Raises CaisoAdsError or OSError without any secret."""


class WayConfig(Protocol):
    """What each kind's Config offers."""

    def build(self) -> Way:
        """Return the way; reads files, asks nobody. Raises ConfigError or CertificateError."""


@dataclass(frozen=True, slots=True)
class NotifyConfig:
    """One table ``[[notify]]``: what is told and when, and by which way."""

    rules: RulesConfig
    way: WayConfig


def config_type(kind: str) -> Any:
    """Return the Config class of a kind; KeyError for an unknown one."""
    return import_module(KINDS[kind]).Config
