"""E-mail by SMTP: one message to all recipients, over TLS from the first byte or after STARTTLS.

Rule: the server's certificate is always checked, and nothing is said in clear after EHLO. smtplib blocks, so a thread of
its own does it; one that hangs has its socket closed and is not waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from caiso_ads.ads.tls import checking_context
from caiso_ads.errors import ConfigError, RemoteError
from caiso_ads.notify.message import Message, plain
from caiso_ads.sinks._mqtt_config import first_line

log = logging.getLogger("caiso_ads.notify")

STEP_S = 10.0
"""How long one answer of the server may take (s)."""
_OURSELVES = "[127.0.0.1]"
"""What we call ourselves: the name of this machine is nobody's business, and to ask for it can take long."""
_PORTS = {"tls": 465, "starttls": 587}
_ADDRESS = re.compile(r"[!-;=?A-Z\[-~]+@[!-;=?A-Z\[-~]+", re.ASCII)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``kind = "email"``; ConfigError names the key of a value that cannot work."""

    only_read: ClassVar[tuple[str, ...]] = ("ca_file", "password_file")

    host: Annotated[str, Meta(description="mail server, by the name its certificate has")]
    security: Annotated[
        Literal["starttls", "tls"], Meta(description="TLS after STARTTLS (port 587), or from the first byte (port 465)")
    ] = "starttls"
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is the usual one of security")] = 0
    sender: Annotated[str, Meta(description="address the mail is from")]
    to: Annotated[tuple[str, ...], Meta(description="addresses it goes to")]
    user: Annotated[str, Meta(description="user name at the mail server; empty is none")] = ""
    password_file: Annotated[Path | None, Meta(description="file whose first line is that user's password")] = None
    ca_file: Annotated[
        Path | None, Meta(description="authorities that may sign the server; by default the machine's")
    ] = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not self.host.strip() or not self.host.isprintable() or not self.host.isascii() or " " in self.host:
            raise ConfigError("must be the name of a mail server", key="host")
        for key, addresses in (("sender", (self.sender,)), ("to", self.to)):
            for address in addresses:
                _check_address(address, key)
        if not self.to:
            raise ConfigError("must name at least one address", key="to")
        if bool(self.user) != (self.password_file is not None):
            raise ConfigError("goes together with password_file", key="user" if self.user else "password_file")

    def build(self) -> Mail:
        """Return the way. Raises ConfigError or CertificateError for a file that cannot be used."""
        password = first_line(self.password_file, "password_file") if self.password_file else ""
        return Mail(self, checking_context(self.ca_file), password)


def _check_address(address: str, key: str) -> None:
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise ConfigError(f"{address!r} is no mail address", key=key, cure="write it as name@example.com")
    try:
        Address(addr_spec=address)
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{address!r} is no mail address", key=key, cure="write it as name@example.com") from error


@dataclass(frozen=True)
class Mail:
    """One mail server. ``password`` is shown nowhere."""

    config: Config
    tls: ssl.SSLContext = field(repr=False)
    password: str = field(repr=False)

    async def send(self, message: Message) -> None:
        """Send; RemoteError names what the server said, never to whom we said which password."""
        line = _Line(self.config, self.tls)
        letter = self.letter(message)
        try:
            await _in_a_thread(lambda: self._give(line, letter))
        finally:
            line.cut()

    def letter(self, message: Message) -> EmailMessage:
        """Return the mail."""
        made = EmailMessage(policy=SMTP)
        made["Subject"] = message.subject
        made["From"] = Address(addr_spec=self.config.sender)
        made["To"] = tuple(Address(addr_spec=one) for one in self.config.to)
        made["Date"] = format_datetime(message.at)
        made["Message-ID"] = (
            f"<{message.message_id}.{message.at:%Y%m%d%H%M%S%f}@{self.config.sender.rpartition('@')[2]}>"
        )
        made["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers it; Spec: RFC 3834
        made["X-Priority"] = "1" if message.is_real and message.foremost.priority <= 2 else "3"
        made.set_content(message.text, cte="quoted-printable")
        return made

    def _give(self, line: _Line, letter: EmailMessage) -> None:
        with _in_words():
            server = line.open()
            try:
                if line.is_cut:
                    return  # it was given up, and will be told again
                if self.config.user:
                    server.login(self.config.user, self.password)
                refused = server.send_message(letter, self.config.sender, self.config.to)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()  # it has the mail: how it ends is all the same
            finally:
                server.close()
        if refused:
            log.warning("the mail server refused %d of %d recipients", len(refused), len(self.config.to))


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn what smtplib raises into a RemoteError without any text of ours or theirs that could hold a secret."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise RemoteError(f"the mail server refused our user or password ({error.smtp_code})") from None
    except smtplib.SMTPNotSupportedError as error:
        raise RemoteError(f"the mail server cannot do what is needed: {plain(str(error), 100)}") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise RemoteError(f"the mail server refused all recipients ({_codes(error.recipients)})") from None
    except smtplib.SMTPResponseException as error:
        raise RemoteError(f"the mail server refused it ({error.smtp_code})") from None
    except smtplib.SMTPException as error:
        raise RemoteError(f"no whole talk with the mail server: {type(error).__name__}") from None
    except ssl.SSLError as error:
        raise RemoteError(f"TLS with the mail server failed: {plain(_tls_words(error), 150)}") from None
    except TimeoutError:
        raise RemoteError(f"the mail server did not answer within {STEP_S:g} s") from None


def _codes(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(sorted({str(code) for code, _ in refused.values()}))


def _tls_words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or "no reason given"


def _greeted(code: int, said: bytes) -> None:
    if code != 220:
        raise smtplib.SMTPConnectError(code, said)


class _Line:
    """One connection to the server, that another thread can cut."""

    def __init__(self, config: Config, tls: ssl.SSLContext) -> None:
        self._config, self._tls = config, tls
        self._server: smtplib.SMTP | None = None
        self.is_cut = False

    def open(self) -> smtplib.SMTP:
        """Connect and be sure of TLS. Raises OSError and what smtplib raises."""
        config, port = self._config, self._config.port or _PORTS[self._config.security]
        server: smtplib.SMTP
        if config.security == "tls":
            server = smtplib.SMTP_SSL(local_hostname=_OURSELVES, timeout=STEP_S, context=self._tls)
        else:
            server = smtplib.SMTP(local_hostname=_OURSELVES, timeout=STEP_S)
        self._server = server
        server._host = config.host  # type: ignore[attr-defined]  # noqa: SLF001 - what TLS checks; connect does not set it
        try:
            _greeted(*server.connect(config.host, port))
            if config.security == "starttls":
                server.starttls(context=self._tls)
        except BaseException:
            server.close()
            raise
        return server

    def cut(self) -> None:
        """Break the connection, if there is one: a thread that waits for it ends."""
        self.is_cut = True
        wire = None if self._server is None else self._server.sock
        if wire is not None:
            with contextlib.suppress(OSError):  # it may be closed already
                socket.socket.shutdown(
                    wire, socket.SHUT_RDWR
                )  # SSLSocket's own would first let the thread talk in clear


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Do it in a thread that nobody waits for at the end of the program; cancelling leaves it behind."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(problem: BaseException | None) -> None:
        if done.done():
            return
        if problem is None:
            done.set_result(None)
        else:
            done.set_exception(problem)

    def run() -> None:
        problem: BaseException | None = None
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            problem = error
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, problem)

    threading.Thread(target=run, name="mail", daemon=True).start()
    await done
