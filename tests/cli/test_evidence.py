"""``caiso-ads evidence`` on a real database: a life, a day, and one flipped byte."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.ports.answers import Fact
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock
from tests.store.test_evidence_reader import behind
from tests.store.test_life import fill

HOSTILE = Fact("read", NOON, "=cmd()", "two\nlines\x1b[2J", None, "DISP-1")


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """A store that was filled and closed again."""

    async def make() -> SqlStore:
        made = await SqlStore.open(tmp_path / "data" / "ads.sqlite", StillClock())
        await fill(made)
        await made.append_facts([HOSTILE])
        await made.close()
        return made

    return asyncio.run(make())


def run(store: SqlStore, *words: str) -> Result:
    """Call ``caiso-ads evidence``, with the store behind the name of a command."""
    head = [words[0]] if words and not words[0].startswith("-") else []
    return CliRunner().invoke(main, ["evidence", *head, "--store", str(store.path), *words[len(head) :]])


def test_the_life_of_an_instruction_for_people(store: SqlStore) -> None:
    done = run(store, "--instruction", "DISP-1-I0")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "DISP-1-I0 of batch DISP-1"
    assert lines[1] == "for UNIT_0, from 2026-07-21T12:02:30Z"
    (decided,) = [line for line in lines if "answer decided" in line]
    assert decided.split() == [
        "2026-07-21T12:00:10Z", "+12.000", "s", "+9.600", "s", "answer", "decided", "alice", "accept", "[chain", "4]",
    ]  # fmt: skip
    assert "bob" not in done.stdout
    assert "\x1b" not in done.stdout


def test_the_life_of_an_instruction_for_scripts(store: SqlStore) -> None:
    made = json.loads(run(store, "--instruction", "DISP-1-I0", "--json").stdout)
    assert made["evidence_kept"]
    last = made["steps"][-1]
    assert (last["what"], last["after_receipt_s"], last["intact"]) == ("answer confirmed", 14.5, True)


def test_an_altered_row_is_marked_in_the_life(store: SqlStore) -> None:
    behind(store, "UPDATE audit SET text = 'taken!' WHERE text = 'taken'")
    assert "ALTERED: taken!" in run(store, "--instruction", "DISP-1-I0").stdout


def test_an_instruction_that_is_nowhere(store: SqlStore) -> None:
    done = run(store, "--instruction", "DISP-1-I99")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no stored batch holds the instruction DISP-1-I99" in done.stderr


def test_a_day_as_csv_and_as_json(store: SqlStore) -> None:
    rows = list(csv.DictReader(io.StringIO(run(store, "export", "--day", "2026-07-21").stdout)))
    assert [row["row"] for row in rows] == [str(n) for n in range(1, 11)]
    assert rows[-1]["who"] == "'=cmd()"
    lines = run(store, "export", "--day", "2026-07-21", "--json").stdout.splitlines()
    assert [json.loads(line)["hash"] for line in lines] == [row["hash"] for row in rows]
    assert json.loads(lines[-1])["who"] == "=cmd()"
    assert run(store, "export", "--day", "2026-07-22", "--utc", "--json").stdout == ""


def test_a_chain_that_is_whole(store: SqlStore) -> None:
    done = run(store, "verify")
    assert done.exit_code == 0
    said = done.stdout.splitlines()
    assert said[0] == "10 rows, none altered"
    assert (
        run(store, "verify", "--kept", said[-1]).stdout.splitlines()[-1] == "the hash that was kept is that of row 10"
    )
    assert json.loads(run(store, "verify", "--json").stdout)["newest_hash"] == said[-1]


def test_one_flipped_byte_is_named_and_ends_with_1(store: SqlStore) -> None:
    behind(store, "UPDATE audit SET text = 'shows' WHERE kind = 'seen'")
    done = run(store, "verify")
    assert done.exit_code == 1
    assert "BROKEN: row 2 (seen, 2026-07-21T12:00:00.100000+00:00) is not what was written" in done.stdout
    made = json.loads(run(store, "verify", "--json").stdout)
    assert (made["good"], made["first_altered"]["row"]) == (False, 2)


def test_a_time_altered_to_no_time_is_told(store: SqlStore) -> None:
    behind(store, "UPDATE audit SET at = 'never' WHERE kind = 'seen'")
    assert "row 2 (seen, its time was altered to no time)" in run(store, "verify").stdout


def test_a_row_that_its_batch_no_longer_leads_to_is_named(store: SqlStore) -> None:
    behind(store, "DELETE FROM audit_subject WHERE audit = 9")
    hidden = run(store, "verify")
    assert "row 9 is not found by its batch" in hidden.stdout, hidden.output
    assert hidden.exit_code == 1


def test_a_kept_hash_that_is_gone_ends_with_1(store: SqlStore) -> None:
    done = run(store, "verify", "--kept", "0" * 64)
    assert (done.exit_code, "the hash that was kept is not in the chain" in done.stdout) == (1, True)
    assert json.loads(run(store, "verify", "--json", "--kept", "0" * 64).stdout)["kept_missing"]
    assert run(store, "verify", "--kept", "0").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --instruction UID"),
        (["--instruction", "X"], "give --config FILE or --store FILE"),
        (["--json", "verify"], "give the options behind verify"),
    ],
)
def test_wrong_use(words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["evidence", *words])
    assert (done.exit_code, said in done.stderr) == (2, True)


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["evidence", "verify", "--store", str(tmp_path / "none.db")])
    assert (done.exit_code, "there is no database" in done.stderr) == (2, True)
