import csv
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import FailedCheck
from caiso_ads.errors import WireError
from caiso_ads.wire.oasis import csv_rows
from caiso_ads.wire.oasis.answer import LmpRow, Wanted, blocks, rows
from caiso_ads.wire.oasis.row import EVERYTHING
from tests.wire.oasis.samples import HEADER, HUB, NODE, REAL, csv_zip, line, members_of, sample, zipped


def reader(header: str, wanted: Wanted = EVERYTHING, run: str = "", bad: list[str] | None = None) -> csv_rows._Reader:
    refused: list[str] = [] if bad is None else bad
    return csv_rows._Reader(csv_rows.Columns.of(header.encode()), wanted, run, lambda check: refused.append(check.text))


def _no(check: FailedCheck) -> None:
    pytest.fail(check.text)


def test_the_price_column_is_found_by_each_of_its_names() -> None:
    for column in ("VALUE", "MW", "PRC", "LMP_PRC"):
        body = csv_zip(line("4.25"), header=HEADER.replace("VALUE", column))
        assert [row.usd_per_mwh for row in rows(body)] == [4.25]


@given(st.permutations(range(16)))
def test_columns_may_stand_in_any_order(order: list[int]) -> None:
    def turned(text: str) -> str:
        cells = text.split(",")
        return ",".join(cells[at] for at in order)

    lines = [line("1.5"), line("-2", "MCC", HUB, 5)]
    assert list(rows(csv_zip(*map(turned, lines), header=turned(HEADER)))) == list(rows(csv_zip(*lines)))


@pytest.mark.parametrize("column", ["INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "VALUE"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(WireError, match=rf"header: no column {column}"):
        list(rows(csv_zip(line(), header=HEADER.replace(column, "OTHER"))))


def test_two_price_columns_are_not_chosen_between() -> None:
    with pytest.raises(WireError, match="more than one price column: VALUE, MW"):
        list(rows(csv_zip(line(), header=HEADER.replace("POS", "MW"))))


def test_an_unknown_component_is_kept() -> None:
    assert [row.kind for row in rows(csv_zip(line(kind="MNEW"), line()))] == ["MNEW", "LMP"]


def test_the_data_item_serves_where_the_component_is_not_named() -> None:
    cut = [text.replace(",LMP,X,", ",LMP_CONG_PRC,") for text in (line(),)]
    assert [row.kind for row in rows(csv_zip(*cut, header=HEADER.replace("LMP_TYPE,", "")))] == ["MCC"]


@pytest.mark.parametrize(
    "text",
    [f"\ufeff{HEADER}\n{line()}\n", f"{HEADER}\r\n{line()}\r\n", f"{HEADER}\n{line()}", f"{HEADER}\n{line()}\n\n \n"],
)
def test_marks_line_ends_and_blank_lines_do_not_matter(text: str) -> None:
    assert [row.usd_per_mwh for row in csv_rows_of(text)] == [1.5]


def csv_rows_of(text: str) -> list[LmpRow]:
    return list(rows(zipped(("a.csv", text))))


def test_a_quoted_field_is_read() -> None:
    assert csv_rows_of(f"{HEADER}\n{line(node=chr(34) + NODE + chr(34))}\n")[0].node == NODE


@pytest.mark.parametrize("value", ["", "nan", "inf", "1e999", "1_0", "abc", " "])
def test_a_bad_price_is_named_with_its_line(value: str) -> None:
    with pytest.raises(WireError, match=r"line 3: (not a finite|could not convert)"):
        csv_rows_of(f"{HEADER}\n{line()}\n{line(value)}\n")


def test_a_line_of_another_length_raises() -> None:
    with pytest.raises(WireError, match="line 3: 15 fields where the header has 16"):
        csv_rows_of(f"{HEADER}\n{line()}\n{line()[:-2]}\n{line()},9\n")


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(WireError, match="longer than"):
        csv_rows_of(f"{HEADER}\n" + "x" * 300_000)


def test_rows_not_wanted_are_left_out() -> None:
    body = csv_zip(line(), line("2", "MCC"), line("3", node=HUB), line("4", "MCC", HUB))
    for wanted, values in [
        (Wanted(kinds=frozenset({"LMP"})), [1.5, 3]),
        (Wanted(nodes=frozenset({HUB})), [3, 4]),
        (Wanted(frozenset({HUB}), frozenset({"LMP"})), [3]),
        (Wanted(nodes=frozenset()), []),
    ]:
        assert [row.usd_per_mwh for row in rows(body, wanted)] == values
        one_by_one = reader(HEADER, wanted)._one_by_one(
            "".join(f"{text}\n" for text in members_of(body)["a.csv"].splitlines()[1:]).encode()
        )
        assert [row.usd_per_mwh for row in one_by_one] == values


@pytest.mark.parametrize(
    "name", [REAL, "PRC_INTVL_LMP_two_nodes_1h_v1_csv.zip", "PRC_INTVL_LMP_two_nodes_1h_v3_csv.zip"]
)
def test_samples_are_read_at_once_with_the_rows_the_strict_reader_gives(name: str) -> None:
    """Without this, a fast path that always gives up would still give right rows."""
    for text in members_of(sample(name)).values():
        header, _, rest = text.partition("\n")
        some = "".join(f"{each}\n" for each in rest.splitlines()[:2000]).encode()
        at_once = reader(header)._at_once(some, some.count(b"\n"))
        assert list(at_once.rows()) == list(reader(header)._one_by_one(some))
        assert len(at_once.nodes) == some.count(b"\n") > 0


CELLS = st.sampled_from(
    ["1.5", "-2", "0", "", "nan", "x", "1_0", "2026-07-20T07:00:00-00:00", "RTM", "LMP", NODE, '"', " ", "é"]
)


@given(st.lists(st.lists(CELLS, min_size=16, max_size=17), max_size=4), st.lists(st.booleans(), max_size=4))
def test_both_readers_agree_on_any_lines(odd: list[list[str]], plain: list[bool]) -> None:
    """Where the fast reader does not give up, the strict one gives the same and refuses nothing."""
    lines = [",".join(cells) for cells in odd] + [line(str(at)) for at, _ in enumerate(plain)]
    random.Random(len(lines)).shuffle(lines)
    block = "".join(f"{text}\n" for text in lines).encode()
    try:
        at_once = reader(HEADER)._at_once(block, len(lines))
    except ValueError:
        return
    refused: list[str] = []
    assert list(at_once.rows()) == list(reader(HEADER, bad=refused)._one_by_one(block))
    assert refused == []


@pytest.mark.parametrize("odd", [line(" 1.5"), line("1.5\t"), line("+1"), f"{line()},x,{line()}", line()[:-2], '"'])
def test_the_fast_reader_gives_up_on_anything_odd(odd: str) -> None:
    """The fourth is two lines in one, so long that its end stands in the right column."""
    block = f"{line()}\n{odd}\n".encode()
    with pytest.raises(ValueError, match=r"^$|malformed"):
        reader(HEADER)._at_once(block, 2)


def test_a_row_of_another_market_run_is_refused_by_both() -> None:
    block = f"{line()}\n{line(run='RTPD')}\n".encode()
    with pytest.raises(ValueError, match=r"^$"):
        reader(HEADER, run="RTM")._at_once(block, 2)
    refused: list[str] = []
    assert len(list(reader(HEADER, run="RTM", bad=refused)._one_by_one(block))) == 1
    assert refused == ["line 3: market run 'RTPD' where RTM was asked for"]


def test_blocks_cut_anywhere_give_the_same_rows() -> None:
    text = members_of(sample("PRC_INTVL_LMP_two_nodes_1h_v1_csv.zip")).popitem()[1].encode()
    whole = [tuple(cells) for cells in csv.reader(io.StringIO(text.decode()))][1:]
    for size in (150, 171, 1000, 5000):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = [
            row for block in csv_rows.blocks(pieces, EVERYTHING, "RTM", _no, csv_rows.Memory()) for row in block.rows()
        ]
        assert [(row.node, row.kind, row.usd_per_mwh) for row in found] == [(c[7], c[9], float(c[14])) for c in whole]


def test_columns_are_some_thousand_rows_at_a_time() -> None:
    sizes = [len(block.nodes) for block in blocks(sample(REAL))]
    assert sum(sizes) == 162_848
    assert max(sizes) < 2_000


def test_the_first_row_tells_the_component_of_a_file() -> None:
    assert csv_rows.only_kind(f"{HEADER}\n{line(kind='MCC')}\n".encode()) == "MCC"
    assert csv_rows.only_kind(f"{HEADER}\n{line()[:-9]}".encode()) is None
    assert csv_rows.only_kind(b"A,B\n1,2\n") is None
