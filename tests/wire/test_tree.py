"""Parsing: bounded, without entities, and with the characters that were sent."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.wire import tree
from caiso_ads.wire.packing import MAX_UNPACKED
from caiso_ads.wire.tree import MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, parse

LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'


def test_a_document_type_is_refused_before_anything_expands() -> None:
    with pytest.raises(WireError, match="document type"):
        parse(LAUGHS)


def test_no_file_and_no_host_is_reached(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for target in (canary.as_uri(), f"http://127.0.0.1:{server.getsockname()[1]}/x"):
            with pytest.raises(WireError):
                parse(f'<!DOCTYPE a [<!ENTITY x SYSTEM "{target}">]><a>&x;</a>'.encode())
            parse(f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{target}"/></a>'.encode())
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("entity", [b"<a>&b;</a>", b"<a b='&c;'/>"])
def test_an_entity_nobody_declared_is_refused(entity: bytes) -> None:
    with pytest.raises(WireError):
        parse(entity)


def test_depth_is_bounded() -> None:
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"
    for depth in (MAX_DEPTH + 1, 250, 200_000):
        with pytest.raises(WireError):
            parse(b"<a>" * depth + b"</a>" * depth)


def test_attributes_of_one_element_are_bounded() -> None:
    def flood(count: int, value: str = "v>") -> bytes:
        attributes = " ".join(f'x{at}="{value}"' for at in range(count))
        return f"<a><b>=</b><c {attributes}/></a>".encode()

    assert len(parse(flood(MAX_ATTRIBUTES))) == 2
    for count in (MAX_ATTRIBUTES + 1, 50_000):
        with pytest.raises(WireError, match="attributes"):
            parse(flood(count))


def test_many_equal_signs_are_no_flood_of_attributes() -> None:
    assert parse(b"<a>" + b"=" * 1000 + b"</a>").text == "=" * 1000


def test_the_number_of_elements_is_bounded() -> None:
    with pytest.raises(WireError, match="elements"):
        parse(b"<r>" + b"<a/>" * MAX_ELEMENTS + b"</r>")


def test_size_is_bounded() -> None:
    with pytest.raises(WireError, match="larger"):
        parse(b" " * (MAX_UNPACKED + 1))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"])
def test_characters_arrive_as_sent_in_each_encoding(codec: str) -> None:
    label = "utf-8" if codec == "utf-8-sig" else codec
    data = f'<?xml version="1.0" encoding="{label}"?><a>é=ü</a>'.encode(codec)
    assert parse(data).text == "é=ü"


def test_a_label_the_bytes_disprove_is_ignored() -> None:
    assert parse('<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode()).text == "é"


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0" encoding="utf-8"?><a>\xe9</a>',
        b"<a>\xff\xfe</a>",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="ascii"?><a>\xe9</a>',
        b'<?xml version="1.0" encoding="cp1252"?><a>\x81</a>',
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="no such"?><a/>',
        b'<?xml version="1.0" encoding="a\0b"?><a/>',
        b'<?xml version="1.0" encoding="base64"?><a/>',
        b'<?xml version="1.0" encoding="\xff"?><a/>',
        b"",
        b"\0",
        b"<a",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>\x00</a>",
        b"plain",
    ],
)
def test_undecodable_or_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse(data)


def test_comments_and_instructions_do_not_split_a_text() -> None:
    assert parse(b"<a>1<!-- x -->2<?y z?>3<![CDATA[4]]></a>").text == "1234"


def test_blanks_in_a_namespace_are_trimmed() -> None:
    root = parse(b'<a xmlns=" http://ads.caiso.com "><b xmlns:p="\thttp://x/y "> xmlns=" </b></a>')
    assert [root.tag, root[0].text] == ["{http://ads.caiso.com}a", ' xmlns=" ']


def test_a_large_document_of_small_texts_passes() -> None:
    assert len(parse(b"<r>" + b"<a>12345678901234567890</a>" * 500_000 + b"</r>")) == 500_000


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"<a>{text}</a>".encode("utf-8", "replace")))
def test_any_bytes_give_a_tree_or_a_wire_error(data: bytes) -> None:
    with suppress(WireError):
        parse(data)


def test_names_are_local() -> None:
    root = parse(b'<a xmlns:p="urn:x" p:id="1" xml:lang="en"><p:b>x<c>y</c></p:b></a>')
    assert [tree.local(str(child.tag)) for child in tree.children_of(root)] == ["b"]
    assert tree.attribute_text(root, "id") == "1"
    assert tree.attribute_text(root, "none") is None
    assert tree.text_within(root) == "xy"
