"""A program: it is given the message and no secret, is never a shell, and never outlives its limit."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.alarm_kinds import Ident
from caiso_ads.errors import ConfigError, LocalError
from caiso_ads.notify.program import Config, Program, variables
from tests.notify.rig import REFUSED, WORST, event, message

PYTHON = Path(sys.executable)
TELL = (
    "import json,os,sys; json.dump({'said': json.load(sys.stdin), 'args': sys.argv[2:],"
    " 'env': dict(os.environ)}, open(sys.argv[1], 'w'))"
)


def python(code: str, *arguments: str, limit_s: float = 10.0) -> Program:
    return Config(program=PYTHON, arguments=("-c", code, *arguments), limit_s=limit_s).build()


async def test_it_reads_the_document_and_the_fields_and_nothing_of_our_own_environment(tmp_path: Path) -> None:
    os.environ["CAISO_SECRET_OF_OURS"] = "hunter2"
    try:
        told = message(event(REFUSED, text=f"$(touch {tmp_path}/no); `id` {WORST}"))
        await python(TELL, str(tmp_path / "told"), "$HOME; id").send(told)
    finally:
        del os.environ["CAISO_SECRET_OF_OURS"]
    found = json.loads((tmp_path / "told").read_text())
    assert found["said"] == told.document
    assert found["args"] == ["$HOME; id"]
    assert found["env"]["CAISO_ADS_ALARM"] == "value_refused:R1"
    assert found["env"]["CAISO_ADS_PRIORITY"] == "high"
    assert found["env"]["CAISO_ADS_TEST"] == "0"
    assert "hunter2" not in str(found)
    assert not (tmp_path / "no").exists()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=50))
def test_no_text_breaks_the_environment(text: str, subject: str) -> None:
    told = variables(message(replace(event(Ident("value_refused", subject)), text=text)))
    assert all(value.isprintable() and "\0" not in value for value in told.values())
    [value.encode() for value in told.values()]


async def test_a_program_that_fails_is_an_error_with_its_code() -> None:
    with pytest.raises(LocalError) as caught:
        await python("import sys; print('hunter2'); sys.exit(3)").send(message())
    assert str(caught.value) == f"{PYTHON.name} ended with 3"


async def test_one_that_does_not_read_and_says_more_than_anybody_wants_does_no_harm() -> None:
    await python("import sys; sys.stdin.close(); sys.stderr.write('x' * 5_000_000)").send(message())


@pytest.mark.skipif(os.name != "posix", reason="a whole group is killed on POSIX only")
async def test_one_that_hangs_is_killed_with_all_it_has_started(tmp_path: Path) -> None:
    code = (
        "import os,subprocess,sys,time; c=subprocess.Popen([sys.executable,'-c','import time; time.sleep(600)']);"
        "open(sys.argv[1],'w').write(f'{os.getpid()} {c.pid}'); os.rename(sys.argv[1], sys.argv[2]); time.sleep(600)"
    )
    task = asyncio.create_task(python(code, str(tmp_path / "x"), str(tmp_path / "pids"), limit_s=2.0).send(message()))
    with pytest.raises(LocalError, match="was killed after 2 s"):
        await task
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        await gone(pid)


@pytest.mark.skipif(os.name != "posix", reason="a group of its own is POSIX")
async def test_one_that_reads_nothing_of_much_is_killed_though_another_holds_the_pipe() -> None:
    code = "import subprocess,sys,time; subprocess.Popen(['sleep','4'],start_new_session=True); time.sleep(600)"
    much = message(*[event(REFUSED, text="\u00e9" * 400) for _ in range(50)])
    async with asyncio.timeout(3.5):
        with pytest.raises(LocalError, match="was killed"):
            await python(code, limit_s=0.5).send(much)


async def gone(pid: int) -> None:
    """Wait until a process is no more, or only waits to be forgotten."""
    async with asyncio.timeout(10):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            await asyncio.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="a whole group is killed on POSIX only")
async def test_when_the_gateway_stops_it_is_killed_too(tmp_path: Path) -> None:
    code = (
        "import os,sys,time; open(sys.argv[1],'w').write(str(os.getpid())); os.rename(*sys.argv[1:]); time.sleep(600)"
    )
    task = asyncio.create_task(python(code, str(tmp_path / "x"), str(tmp_path / "pid")).send(message()))
    async with asyncio.timeout(10):
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 - another's file
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int((tmp_path / "pid").read_text()))


async def test_what_it_leaves_running_with_our_pipe_does_not_hold_us_up() -> None:
    code = "import subprocess,sys; subprocess.Popen([sys.executable,'-c','import time; time.sleep(3)'])"
    async with asyncio.timeout(2.9):
        await python(code).send(message())


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"arguments": ("a\0b",)}, "arguments"),
        ({"program": Path("x.BAT")}, "program"),
        ({"program": Path("none")}, "program"),
    ],
)
def test_what_cannot_work_is_refused_by_its_key(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**{"program": PYTHON, **keys}).build()
    assert caught.value.key == key


async def test_one_that_is_no_program_after_all_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"\x7fELFnonsense")
    path.chmod(0o700)
    with pytest.raises(LocalError, match="cannot be started"):
        await Config(program=path).build().send(message())
