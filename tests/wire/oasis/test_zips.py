import io
import zipfile

import pytest

from caiso_ads.errors import WireError
from caiso_ads.wire.oasis import zips
from caiso_ads.wire.oasis.answer import rows
from tests.wire.oasis.samples import csv_zip, line, sample, zipped


def read(body: bytes) -> list[bytes]:
    return [b"".join(member.chunks()) for member in zips.members(body)]


def test_members_come_in_order_and_whole() -> None:
    big = bytes(range(256)) * 2000
    assert read(zipped(("a", b"1"), ("b", big))) == [b"1", big]


def test_a_member_comes_in_bounded_pieces() -> None:
    (member,) = zips.members(zipped(("a", bytes(10 * zips.CHUNK))))
    assert {len(piece) for piece in member.chunks()} == {zips.CHUNK}
    assert len(member.beginning(100)) == 100


@pytest.mark.parametrize("cut", [3, 30, 200, -30, -1])
def test_a_truncated_zip_is_named(cut: int) -> None:
    with pytest.raises(WireError, match="zip"):
        read(sample("PRC_INTVL_LMP_two_nodes_1h_v3_csv.zip")[:cut])


def test_damage_within_a_member_is_found_by_its_checksum() -> None:
    body = bytearray(zipped(("a.csv", "x" * 50)))
    at = body.index(b"a.csv") + 8
    body[at] ^= 0xFF
    with pytest.raises(WireError, match=r"a\.csv: damaged zip"):
        read(bytes(body))


def test_a_bomb_is_stopped_by_what_comes_out_not_by_what_it_says() -> None:
    body = zipped(("a", bytes(3_000_000)), ("b", bytes(3_000_000)))
    assert len(body) < 10_000
    first, second = zips.members(body, max_unpacked=5_000_000)
    assert sum(map(len, first.chunks())) == 3_000_000
    with pytest.raises(WireError, match="unpacks to more than"):
        list(second.chunks())


def test_too_many_members_are_refused() -> None:
    assert len(zips.members(zipped(*((str(n), b"") for n in range(zips.MAX_MEMBERS))))) == zips.MAX_MEMBERS
    with pytest.raises(WireError, match="more than 64 members"):
        zips.members(zipped(*((str(n), b"") for n in range(zips.MAX_MEMBERS + 1))))


def test_an_encrypted_member_is_refused() -> None:
    body = bytearray(zipped(("a", b"x")))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(WireError, match="encrypted"):
        zips.members(bytes(body))


def test_another_compression_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", b"x")
    with pytest.raises(WireError, match="compression method 12"):
        zips.members(buffer.getvalue())


def test_a_body_beyond_the_bound_is_refused() -> None:
    with pytest.raises(WireError, match="larger than"):
        zips.members(bytes(zips.MAX_BODY + 1))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/x.csv", "C:\\x.csv", "a\nb.csv", "x" * 300, "CON", "é"])
def test_a_hostile_name_is_only_a_name(name: str) -> None:
    """Read all the same: what a member is called decides nothing."""
    body = csv_zip(line("7"), name=name)
    assert [row.usd_per_mwh for row in rows(body)] == [7.0]
    (member,) = zips.members(body)
    assert len(member.name) <= 80
    assert member.name.isprintable()


def test_folders_are_no_members() -> None:
    assert read(zipped(("folder/", b""), ("folder/a", b"1"))) == [b"1"]


def test_names_are_not_dates() -> None:
    """A time stamp within the archive that does not exist does not matter."""
    info = zipfile.ZipInfo("a", date_time=(1980, 0, 0, 0, 0, 0))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"1")
    assert read(buffer.getvalue()) == [b"1"]
