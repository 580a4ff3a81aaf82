"""Who may read by OPC UA, judged beside the loop: a name with its password, or the holder of a listed certificate's key.

Rule: a password is hashed in a thread, one at a time, and not at all while its address or name must wait; every
refusal looks the same to the client.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import struct_from_binary

from caiso_ads.sinks.opcua._certificates import is_in_time
from caiso_ads.sinks.opcua._setup import Setup
from caiso_ads.sinks.opcua._throttle import Throttle
from caiso_ads.sinks.opcua.users import hashed, matches

_JUDGED: ContextVar[str | None] = ContextVar("judged", default=None)
"""The name whose password was found right, in the task that handles this one request."""


class Logins(UserManager):
    """The users and certificates of the setup."""

    def __init__(self, setup: Setup) -> None:
        self._kept, self._trusted = setup.users, frozenset(setup.trusted)
        self._nobody = hashed("nobody")  # so that an unknown name takes as long as a known one
        self._throttle, self._one = Throttle(), asyncio.Lock()

    async def judge(self, server: Any, session: InternalSession, body: Buffer, peer: str) -> None:
        """Find out whether the password in this request is right, for ``get_user``, which cannot wait."""
        _JUDGED.set(None)
        try:
            token = struct_from_binary(ua.ActivateSessionParameters, body).UserIdentityToken
            if not isinstance(token, ua.UserNameIdentityToken):
                return
            name, word = server.decrypt_user_token(session, token)
        except Exception:  # noqa: BLE001 - asyncua reads the same bytes next and answers with the right refusal
            return
        name, now = str(name or ""), asyncio.get_running_loop().time
        key = name if name in self._kept else ""  # names that are none must not fill the memory
        if self._throttle.wait_s(peer, key, now()) > 0:
            return
        async with self._one:
            right = await asyncio.to_thread(matches, word or "", self._kept.get(name, self._nobody))
        if right and name in self._kept:
            self._throttle.succeeded(peer, key)
            _JUDGED.set(name)
        else:
            self._throttle.failed(peer, key, now())

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002 - asyncua fixes the signature
        username: str | None = None,
        password: str | None = None,  # noqa: ARG002 - it was judged before
        certificate: Any = None,
    ) -> User | None:
        """Return the user, or None to refuse. ``certificate`` is the token's, or beside a name the channel's."""
        if username is not None:
            if username == _JUDGED.get() and (not self._trusted or self._is_trusted(certificate)):
                return User(UserRole.User, username)
        elif self._is_trusted(certificate):
            return User(UserRole.User, "certificate")
        return None

    def _is_trusted(self, certificate: bytes | None) -> bool:
        return certificate is not None and certificate in self._trusted and is_in_time(certificate, datetime.now(UTC))
