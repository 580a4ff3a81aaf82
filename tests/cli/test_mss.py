"""``caiso-ads mss submit`` against the simulator: the ISO's verdict on each row, and files that are refused whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from caiso_ads.simulator.faults import Fault
from tests.cli.answering import Plant, plant

HEAD = "id,resource,start,end,mw\n"
ROW = "R1,STNLKE_7_HYDRO1,2026-07-21T18:00Z,2026-07-21T12:00-07:00,-2.5\n"
SUN = "R2,SUNRDG_7_SOLAR1,2026-07-21T18:00Z,2026-07-21T19:00Z,1\n"
XML = """<MSSLFRequest xmlns="http://ads.caiso.com"><scMSSBatchId>B1</scMSSBatchId><mssLFInstructionRequests>
<MSSLFInstructionRequest><scMSSBatchId>B1</scMSSBatchId><scMSSLFInstructionId>R1</scMSSLFInstructionId>
<resourceId>STNLKE_7_HYDRO1</resourceId><startTime>2026-07-21T18:00:00Z</startTime>
<endTime>2026-07-21T19:00:00Z</endTime><loadFollowingMW>-2.5</loadFollowingMW></MSSLFInstructionRequest>
</mssLFInstructionRequests></MSSLFRequest>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("mss")) as on:
        yield on


def _file(folder: Path, text: str, name: str = "request.csv") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def _sent(on: Plant) -> int:
    return len(on.iso.ledger.of("submitMSSLFRequest"))


def test_rows_of_a_csv_are_sent_and_judged_each_by_itself(site: Plant, tmp_path: Path) -> None:
    done = site.mss(_file(tmp_path, "\ufeff" + HEAD + ROW + "\n" + SUN), "--batch", "B1", "--yes")
    assert done.exit_code == 1
    assert "R1: STNLKE_7_HYDRO1 from 2026-07-21T18:00Z" in done.stderr
    assert "1 of 2 rows valid" in done.stdout
    told = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("│")}
    assert "NOT VALID" in told["R2"]
    assert "NOT VALID" not in told["R1"]
    assert "MSSLF-" in told["R1"]


@pytest.mark.parametrize(("name", "text"), [("a.csv", HEAD + ROW), ("a.xml", XML)])
def test_the_document_the_iso_gets_is_the_same_from_both_kinds_of_file(
    site: Plant, tmp_path: Path, name: str, text: str
) -> None:
    done = site.mss(_file(tmp_path, text, name), "--batch", "B1", "--yes", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    [row] = told["rows"]
    assert (told["done"], row["id"], row["valid"]) == (True, "R1", True)


def test_a_lost_reply_is_called_unknown_and_nothing_is_sent_again(site: Plant, tmp_path: Path) -> None:
    before = _sent(site)
    site.iso.faults.add(Fault("lost-answer", "submitMSSLFRequest"))
    done = site.mss(_file(tmp_path, HEAD + ROW), "--batch", "B1", "--yes")
    assert done.exit_code == 1
    assert "unknown whether the ISO took it" in done.stderr
    assert _sent(site) == before + 1


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("r.csv", "", "the first line must name id,resource,start,end,mw"),
        ("r.csv", "id,resource,start,mw\n", "the first line must name"),
        ("r.csv", HEAD, "r.csv: give 1 to 1000 rows"),
        ("r.csv", HEAD + "R1,A,2026-07-21T18:00Z\n", "r.csv line 2: has 3 columns, not 5"),
        ("r.csv", HEAD + ROW.replace("-2.5", "2,5"), "line 2: has 6 columns"),
        ("r.csv", HEAD + ROW.replace("-2.5", "much"), "r.csv line 2: 'much' is no number of MW"),
        ("r.csv", HEAD + ROW.replace("-2.5", "nan"), "rows[1].mw: r.csv: must be a"),
        ("r.csv", HEAD + ROW.replace("18:00Z", "18:00"), "has no zone"),
        ("r.csv", HEAD + ROW.replace("18:00Z", "20:00Z"), "is not after start"),
        ("r.csv", HEAD + ROW + ROW, "'R1' stands twice"),
        ("r.csv", HEAD + 'R1,"A', "r.csv line 2"),
        ("r.txt", HEAD + ROW, "must end in .csv or .xml"),
        ("r.xml", "<MSSLFRequest>", "r.xml: "),
        ("r.xml", XML.replace("<scMSSBatchId>B1", "<scMSSBatchId>B2", 1), "'B2'"),
        ("r.xml", XML.replace("<resourceId>", "<colour>red</colour><resourceId>"), "would not be sent"),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused_whole(
    site: Plant, tmp_path: Path, name: str, text: str, named: str
) -> None:
    before = _sent(site)
    done = site.mss(_file(tmp_path, text, name), "--batch", "B1", "--yes")
    assert done.exit_code == 2, done.output
    assert named in done.stderr
    assert _sent(site) == before


def test_a_csv_needs_an_id_and_a_person_or_a_yes(site: Plant, tmp_path: Path) -> None:
    path = _file(tmp_path, HEAD + ROW)
    assert "give --batch" in site.mss(path, "--yes").stderr
    asked = site.mss(path, "--batch", "B1")
    assert (asked.exit_code, "give --yes if you mean it" in asked.stderr) == (2, True)
    missing = site.mss(str(tmp_path / "none.csv"), "--batch", "B1", "--yes")
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)


def test_other_encodings_and_endless_files_are_refused(site: Plant, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"\xff\xfe" + HEAD.encode("utf-16-le"))
    assert "not UTF-8" in site.mss(str(path), "--batch", "B1", "--yes").stderr
    path.write_text(HEAD + ROW * 20_000)
    assert "larger than" in site.mss(str(path), "--batch", "B1", "--yes").stderr
    path.write_text(HEAD + "".join(ROW.replace("R1", f"R{n}") for n in range(1001)))
    assert "more than 1000 rows" in site.mss(str(path), "--batch", "B1", "--yes").stderr
