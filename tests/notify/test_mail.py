"""Mail to a real server: TLS is never left out, no header can be slipped in, and a server that hangs is left."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import ConfigError, RemoteError
from caiso_ads.notify.mail import Config, Mail
from tests.notify.rig import LINK, WORST, authority, event, message, secret

PASSWORD = "hunter2-correct-horse"
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Post:
    """What a server took; ``refuse`` are recipients it does not know, ``after`` what it says after the mail."""

    got: list[Envelope] = field(default_factory=list)
    refuse: tuple[str, ...] = ()
    answer: str = "250 taken"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.refuse:
            return "550 no such person hunter2"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.got.append(envelope)
        return self.answer


def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
    assert isinstance(said, LoginPassword)
    return AuthResult(success=said.login == b"ads" and said.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def serving(
    context: ssl.SSLContext | None, post: Post, *, implicit: bool = False, auth: bool = False
) -> AsyncIterator[int]:
    """Run a mail server; STARTTLS unless ``implicit``, no TLS at all without a context."""
    loop = asyncio.get_running_loop()

    def made() -> SMTP:
        return SMTP(
            post, hostname="mail.test", tls_context=None if implicit else context, require_starttls=bool(context) and not implicit,
            authenticator=knows, auth_required=auth, auth_require_tls=not implicit, loop=loop,
        )  # fmt: skip

    server = await loop.create_server(made, "127.0.0.1", 0, ssl=context if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def mail(port: int, ca_file: Path, **keys: Any) -> Mail:
    told = {"host": "localhost", "port": port, "sender": "ads@plant.example", "to": ("op@plant.example",), **keys}
    return Config(ca_file=ca_file, **told).build()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_arrives_over_tls_with_our_name_and_password(tmp_path: Path, security: str) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    post = Post()
    async with serving(context, post, implicit=security == "tls", auth=security == "starttls") as port:
        keys = {"user": "ads", "password_file": secret(tmp_path, "pw", PASSWORD)} if security == "starttls" else {}
        way = mail(port, ca_file, security=security, to=("op@plant.example", "night@plant.example"), **keys)
        await way.send(message(event(text="no contact with ADS €")))
    (got,) = post.got
    assert got.rcpt_tos == ["op@plant.example", "night@plant.example"]
    assert isinstance(got.content, bytes)
    read = message_from_bytes(got.content, policy=default)
    assert read["Subject"] == "caiso-ads RAISED critical: no contact with ADS €"
    assert read["From"] == "ads@plant.example"
    assert read["Auto-Submitted"] == "auto-generated"
    assert "cause: network" in str(read.get_content())
    assert PASSWORD not in repr(way)


async def test_a_server_whose_certificate_is_not_right_is_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca_file, _ = authority(tmp_path, "localhost")
    _, stranger = authority(tmp_path / "other", "localhost")
    ours, elsewhere = tmp_path / "ca.pem", authority(tmp_path / "other", "elsewhere.example")
    for context, trusted in ((stranger, ca_file), (elsewhere[1], elsewhere[0])):
        for implicit in (False, True):
            post = Post()
            async with serving(context, post, implicit=implicit) as port:
                way = mail(port, trusted, security="tls" if implicit else "starttls")
                with pytest.raises(RemoteError, match="TLS with the mail server failed"):
                    await way.send(message())
            assert post.got == []
    assert ours.exists()


async def test_a_server_without_starttls_is_told_nothing(tmp_path: Path) -> None:
    ca_file, _ = authority(tmp_path, "localhost")
    post = Post()
    async with serving(None, post) as port:
        with pytest.raises(RemoteError, match="cannot do what is needed"):
            await mail(port, ca_file).send(message())
    assert post.got == []


@pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning")
async def test_what_the_server_refuses_is_an_error_without_a_secret(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    wrong = {"user": "ads", "password_file": secret(tmp_path, "pw", "hunter2-wrong")}
    cases: list[tuple[Post, dict[str, Any], str]] = [
        (Post(), wrong, r"refused our user or password \(535\)"),
        (Post(refuse=("op@plant.example",)), {}, r"refused all recipients \(550\)"),
        (Post(answer="554 hunter2"), {}, r"refused it \(554\)"),
    ]
    for post, keys, words in cases:
        async with serving(context, post, auth="user" in keys) as port:
            with pytest.raises(RemoteError, match=words) as caught:
                await mail(port, ca_file, **keys).send(message())
            assert "hunter2" not in str(caught.value)


async def test_one_recipient_the_server_does_not_know_does_not_keep_it_from_the_others(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    post = Post(refuse=("gone@plant.example",))
    async with serving(context, post) as port:
        await mail(port, ca_file, to=("gone@plant.example", "op@plant.example")).send(message())
    assert [got.rcpt_tos for got in post.got] == [["op@plant.example"]]


async def test_no_server_and_one_that_hangs_up_are_errors(tmp_path: Path) -> None:
    ca_file, _ = authority(tmp_path, "localhost")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            await mail(unused.getsockname()[1], ca_file).send(message())

    async def busy(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 come again\r\n")
        writer.close()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    async with server:
        with pytest.raises(RemoteError, match=r"refused it \(421\)"):
            await mail(server.sockets[0].getsockname()[1], ca_file).send(message())

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        with pytest.raises((RemoteError, OSError)):
            await mail(server.sockets[0].getsockname()[1], ca_file).send(message())


async def test_a_server_that_hangs_is_left_and_its_thread_ends(tmp_path: Path) -> None:
    ca_file, _ = authority(tmp_path, "localhost")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await mail(silent.getsockname()[1], ca_file).send(message())
        for thread in [one for one in threading.enumerate() if one.name == "mail"]:
            await asyncio.to_thread(thread.join, 5.0)
            assert not thread.is_alive()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_no_text_adds_a_header_or_a_line(text: str, who: str) -> None:
    way = Mail(Config(host="h", sender="a@b.example", to=("c@d.example",)), TLS, "")
    calm = way.letter(message(event()))
    wild = way.letter(message(replace(event(), text=text + WORST, who=who)))
    read = message_from_bytes(wild.as_bytes(), policy=default)
    assert [key for key, _ in read.items()] == [key for key, _ in calm.items()]
    assert read["To"] == "c@d.example"
    assert "\n" not in read["Subject"]
    assert all(len(line) <= 998 for line in wild.as_bytes().split(b"\r\n"))


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"host": ""}, "host"),
        ({"host": "a\nb"}, "host"),
        ({"sender": "ads"}, "sender"),
        ({"sender": "ads@x\r\nBcc: y@z"}, "sender"),
        ({"sender": "Ann <ads@x.example>"}, "sender"),
        ({"to": ()}, "to"),
        ({"to": ("a@b.example, c@d.example",)}, "to"),
        ({"user": "ads"}, "user"),
        ({"password_file": Path("x")}, "password_file"),
    ],
)
def test_what_cannot_work_is_refused_by_its_key(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**{"host": "mail.example", "sender": "a@b.example", "to": ("c@d.example",), **keys})
    assert caught.value.key == key


def test_a_password_others_can_read_is_refused(tmp_path: Path) -> None:
    path = secret(tmp_path, "pw", PASSWORD)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="lets others use it"):
        mail(1, authority(tmp_path, "localhost")[0], user="ads", password_file=path)


def test_urgent_mail_is_marked_and_a_test_is_not() -> None:
    way = Mail(Config(host="h", sender="a@b.example", to=("c@d.example",)), TLS, "")
    assert [way.letter(message(event(LINK), environment=one))["X-Priority"] for one in ("production", "simulator")] == ["1", "3"]  # fmt: skip
