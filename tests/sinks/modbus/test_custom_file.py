"""Each line of a custom map is what it says, or is refused with its file, line, column and a cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus.custom_file import TEMPLATE, Known, parse, read
from caiso_ads.sinks.modbus.encode import Family

KNOWN = Known(("ALPHA_1_UNIT", "BETA_2_UNIT"), ("TH_NP15",), 3, "DCBA")
HEAD = "point,resource,table,address,type,scale,node,unit\n"


def refusal(line: str) -> ConfigError:
    """Return the error of a file with that line as its third."""
    with pytest.raises(ConfigError) as caught:
        parse(f"{HEAD}# a remark\n{line}\n", KNOWN, "map.csv")
    return caught.value


def test_a_line_says_where_what_stands() -> None:
    lines = "setpoint_mw, ALPHA_1_UNIT ,holding,20000,float32 cdab,0.1,,9\n\nheartbeat,gateway,input,7,uint16,,,\n"
    one, other = parse(HEAD + lines, KNOWN, "map.csv")
    assert (one.line, one.owner, one.point.key, one.table) == (2, "ALPHA_1_UNIT", "setpoint_mw", "register")
    assert (one.address, one.stop, one.type, one.order, one.scale, one.unit_id) == (
        20000,
        20002,
        "float32",
        "CDAB",
        0.1,
        9,
    )
    assert (other.line, other.family, other.count, other.order, other.scale, other.unit_id) == (
        4, Family.GATEWAY, 1, "", 1.0, 3,
    )  # fmt: skip


def test_without_a_word_order_the_one_of_the_sink_holds() -> None:
    (entry,) = parse(HEAD + "active_lmp_usd_per_mwh,,holding,5,float32,,TH_NP15,\n", KNOWN, "map.csv")
    assert (entry.family, entry.owner, entry.order) == (Family.NODE, "TH_NP15", "DCBA")


@pytest.mark.parametrize(
    ("text", "aspect", "flag"),
    [
        ("dop_mw.good", "good", 0),
        ("dop_mw.present", "present", 0),
        ("reasons.31", "flag", 31),
        ("directive.1", "flag", 1),
    ],
)
def test_a_bit_is_said_about_a_point(text: str, aspect: str, flag: int) -> None:
    (entry,) = parse(f"{HEAD}{text},ALPHA_1_UNIT,discrete,0,bit,,,\n", KNOWN, "map.csv")
    assert (entry.aspect, entry.flag, entry.key, entry.table) == (aspect, flag, text, "bit")


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("setpoint,ALPHA_1_UNIT,holding,1,int16,,,", "point", "did you mean setpoint_mw"),
        ("heartbeat,ALPHA_1_UNIT,holding,1,uint16,,,", "point", "points of a resource"),
        ("dop_mw.god,ALPHA_1_UNIT,holding,1,uint16,,,", "point", "good, present or quality"),
        ("dop_mw.1,ALPHA_1_UNIT,coil,1,bit,,,", "point", "good, present or quality"),
        ("reasons.32,ALPHA_1_UNIT,coil,1,bit,,,", "point", "0..31"),
        ("dop_mw,ALFA_1_UNIT,holding,1,int16,,,", "resource", "did you mean ALPHA_1_UNIT"),
        ("dop_mw,,holding,1,int16,,,", "resource", "the word gateway"),
        ("quality,TH_NP15,holding,1,uint16,,,", "resource", "column node"),
        ("quality,,holding,1,uint16,,TH_NP16,", "node", "did you mean TH_NP15"),
        ("quality,ALPHA_1_UNIT,holding,1,uint16,,TH_NP15,", "node", "leave one cell empty"),
        ("dop_mw,ALPHA_1_UNIT,register4,1,int16,,,", "table", "holding"),
        ("dop_mw,ALPHA_1_UNIT,coil,1,bit,,,", "table", "dop_mw.good"),
        ("dop_mw.good,ALPHA_1_UNIT,coil,1,uint16,,,", "type", "bit"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,float64,,,", "type", "float32"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,,,,", "type", "int16"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,bit,,,", "type", "float32"),
        ("dot_target_time,ALPHA_1_UNIT,holding,1,float32,,,", "type", "write one of uint32"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,int16 ABCD,,,", "type", "or nothing"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,float32 ACBD,,,", "type", "CDAB"),
        ("dop_mw,ALPHA_1_UNIT,holding,-1,int16,,,", "address", "0..65535"),
        ("dop_mw,ALPHA_1_UNIT,holding,65536,int16,,,", "address", "0..65535"),
        ("dop_mw,ALPHA_1_UNIT,holding,65535,float32,,,", "address", "0..65534"),
        ("dop_mw,ALPHA_1_UNIT,holding,,int16,,,", "address", "counts from 0"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,int16,0,,", "scale", "0.1"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,int16,nan,,", "scale", "0.1"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,int16,ten,,", "scale", "0.1"),
        ("directive,ALPHA_1_UNIT,holding,1,int16,10,,", "scale", "leave the cell empty"),
        ("dop_mw,ALPHA_1_UNIT,holding,1,int16,,,256", "unit", "0..255"),
    ],
)
def test_what_cannot_be_is_refused_with_line_column_and_cure(line: str, column: str, says: str) -> None:
    error = refusal(line)
    assert str(error).startswith(f"map.csv:3 column {column}: ")
    assert says in error.cure


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column point: is missing"),
        ("point,resource,table,address,type\n", "column scale: is missing"),
        ("point;resource;table;address;type;scale\n", "is missing"),
        (f"{HEAD.strip()},colour\n", "column colour: is not a column"),
        (f"{HEAD.strip()},unit\n", "column unit: stands twice"),
        (f"{HEAD}a,b,c,d,e,f,g,h,i\n", "map.csv:2: 9 cells"),
        (f'{HEAD}"dop_mw,ALPHA_1_UNIT\n', "map.csv:2: is not CSV"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, KNOWN, "map.csv")
    assert says in str(caught.value)
    assert caught.value.cure


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "map.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (binary, tmp_path / "none.csv"):
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            read(path, KNOWN)
        assert "--custom-template" in caught.value.cure


def test_the_template_is_an_empty_map_and_its_examples_are_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(TEMPLATE, encoding="utf-8-sig")
    assert read(path, KNOWN) == ()
    examples = [line[1:] for line in TEMPLATE.splitlines() if line.startswith("#") and line[1] != " "]
    known = Known(("EXAMPLE_1_UNIT",), ("EXAMPLE_NODE",), 1)
    assert len(parse("\n".join([TEMPLATE.splitlines()[0], *examples]), known, "map.csv")) == 6


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=60)
def test_any_text_is_a_map_or_an_error_that_names_its_place(text: str) -> None:
    where = "map.csv:"
    try:
        parse(HEAD + text, KNOWN, "map.csv")
    except ConfigError as error:
        where = error.file
    assert where.startswith("map.csv:")


def test_every_point_of_the_catalogue_can_be_mapped() -> None:
    owned = ((GATEWAY_POINTS, "gateway", ""), (RESOURCE_POINTS, "BETA_2_UNIT", ""), (NODE_POINTS, "", "TH_NP15"))
    lines = [
        f"{point.key}{aspect},{resource},holding,{address},{'uint16' if aspect else 'uint32'},,{node},"
        for points, resource, node in owned
        for address, point in enumerate(points)
        for aspect in ("", ".good", ".present", ".quality")
    ]
    assert len(parse(HEAD + "\n".join(lines), KNOWN, "map.csv")) == len(lines)
