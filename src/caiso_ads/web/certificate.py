"""How long the certificate that is shown to the ISO still holds. Rule: read anew when its file changed, in a thread, never kept.

A certificate that cannot be read is not known; it is never taken for one that holds.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from caiso_ads.ads.expiry import valid_until
from caiso_ads.ads.tls import read_passphrase
from caiso_ads.config.tables import AdsConfig
from caiso_ads.errors import CertificateError

log = logging.getLogger("caiso_ads.web")

Known = tuple[datetime, str]
"""Until when it holds (UTC), and the name of its file: its subject would cost 11 MB of memory to read."""


class CertificateFile:
    """The file of ``[ads]``."""

    def __init__(self, ads: AdsConfig) -> None:
        self._ads = ads
        self._read_at: tuple[int, int] | None = None
        self._known: Known | None = None

    async def facts(self) -> Known | None:
        """Return what is known of it; None where it cannot be read."""
        return await asyncio.to_thread(self._facts)

    def _facts(self) -> Known | None:
        try:
            found = self._ads.certificate.stat()
        except OSError:
            self._read_at = self._known = None
            return None
        version = (found.st_mtime_ns, found.st_size)
        if version != self._read_at:
            self._read_at, self._known = version, _read(self._ads.certificate, self._ads.passphrase_file)
        return self._known


def _read(path: Path, passphrase_file: Path | None) -> Known | None:
    try:
        secret = None if passphrase_file is None else read_passphrase(passphrase_file)
        return valid_until(path, secret), path.name
    except CertificateError as problem:
        log.warning("until when the certificate holds is not known: %s", problem)
        return None
