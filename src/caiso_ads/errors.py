"""Every error this package raises on purpose, in one tree; nothing else escapes a public function.

::

    CaisoAdsError
    ├── LocalError                   ours: fix the configuration, the files or the machine
    │   ├── ConfigError              a configuration file, table or key
    │   ├── CertificateError         a certificate, key or passphrase of ours
    │   ├── CommandError             an operator's command: refused, or not taken; nothing was done
    │   │   └── UnansweredError      it was taken and not answered: its fate is not known
    │   └── StoreError               the database
    │       └── StoreBusyError       another process has it
    └── RemoteError                  theirs, or the way to them
        ├── UnreachableError         no connection, or the connection broke
        │   └── DeadlineError        the total deadline of a call passed
        ├── TlsError                 the secure channel was refused, by us or by them
        ├── HttpStatusError          an HTTP status without a SOAP answer
        ├── SoapFaultError           the service answered with a fault
        ├── NotSoapError             an answer that is no SOAP at all: a login or maintenance page
        ├── WireError                an answer whose content cannot be read; says where
        ├── OasisError               the price service answered with one of its error codes
        └── ThrottledError           the price service says we ask too often

The rule: a message names what was wrong (file, field, value), and ``cure`` says what to do about it where we know.
"""

from __future__ import annotations

from enum import StrEnum


class CaisoAdsError(Exception):
    """Root of the tree. ``cure`` is one sentence on what to do, or empty."""

    cure: str = ""


class LocalError(CaisoAdsError):
    """Something on our side: configuration, files, machine."""


class ConfigError(LocalError):
    """A configuration value that cannot be used; names file, table and key."""

    def __init__(self, problem: str, *, file: str = "", table: str = "", key: str = "", cure: str = "") -> None:
        self.problem, self.file, self.table, self.key, self.cure = problem, file, table, key, cure
        where = " ".join(part for part in (file, f"[{table}]" if table else "", key) if part)
        super().__init__(f"{where}: {problem}" if where else problem)


class CertificateError(LocalError):
    """A certificate, key or passphrase of ours that cannot be used."""

    def __init__(self, problem: str, *, cure: str = "") -> None:
        self.cure = cure
        super().__init__(problem)


class CommandError(LocalError):
    """An operator's command that was refused (``field`` says for what), not taken, or not answered."""

    def __init__(self, problem: str, *, field: str = "", cure: str = "") -> None:
        self.problem, self.field, self.cure = problem, field, cure
        super().__init__(f"{field}: {problem}" if field else problem)


class UnansweredError(CommandError):
    """A command that the gateway took and did not answer: what became of it is not known."""


class StoreError(LocalError):
    """The database cannot be opened, read or written."""


class StoreBusyError(StoreError):
    """Another process already works on this data."""


class RemoteError(CaisoAdsError):
    """The other side, or the way to it."""


class UnreachableError(RemoteError):
    """No connection could be made, or it broke before the answer was complete."""


class DeadlineError(UnreachableError):
    """The total deadline of a call passed, whether or not bytes were still arriving."""


class TlsReason(StrEnum):
    """Why a secure channel was refused."""

    EXPIRED = "server certificate expired"
    NOT_YET_VALID = "server certificate not yet valid: is this machine's clock right?"
    UNKNOWN_CA = "server certificate signed by an authority that is not in ca_file"
    WRONG_HOST = "server certificate is for another host"
    PROTOCOL = "server offers no TLS 1.2 or newer"
    OWN_CERTIFICATE = "our client certificate was refused, or is missing"
    OTHER = "TLS handshake failed"


class TlsError(RemoteError):
    """The secure channel was refused; ``reason`` says by which check."""

    def __init__(self, reason: TlsReason, detail: str = "") -> None:
        self.reason = reason
        super().__init__(f"{reason.value} ({detail})" if detail else reason.value)


class HttpStatusError(RemoteError):
    """An HTTP status other than 200 without a SOAP envelope; ``retry_after_s`` where the server named one."""

    def __init__(self, status: int, *, retry_after_s: float | None = None) -> None:
        self.status, self.retry_after_s = status, retry_after_s
        super().__init__(f"HTTP status {status}")


class SoapFaultError(RemoteError):
    """The service answered with a SOAP fault. ``text`` is theirs, cut to 2,000 characters."""

    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code[:200], text[:2000]
        super().__init__(f"SOAP fault {self.code}: {self.text}")


class NotSoapError(RemoteError):
    """The answer is not SOAP: usually a login, portal or maintenance page."""

    def __init__(self, content_type: str, beginning: str) -> None:
        self.content_type, self.beginning = content_type, beginning[:200]
        super().__init__(f"not a SOAP answer (content type {content_type or 'not given'}): {self.beginning!r}")


class WireError(RemoteError):
    """Content that cannot be read. ``where`` is a path such as ``DispatchBatch/instructions[3]/dot``."""

    def __init__(self, problem: str, *, where: str = "") -> None:
        self.problem, self.where = problem, where
        super().__init__(f"{where}: {problem}" if where else problem)


_OASIS_CURES = {
    1001: "look the node up: caiso-ads nodes find TEXT",
    1014: "OASIS keeps about three years: ask for a later begin",
}


class OasisError(RemoteError):
    """The price service answered with an error code. Spec: OASIS 5.1.8. ``text`` is theirs, cut to 500 characters."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text[:500]
        self.cure = _OASIS_CURES.get(code, "")
        super().__init__(f"OASIS error {code}: {self.text}")


class ThrottledError(RemoteError):
    """The price service refuses us for a while: too many requests from this address."""

    cure = "wait some minutes; all machines behind one address share the limit: give each a longer oasis.min_interval_s"
