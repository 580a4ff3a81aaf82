"""Reading nouns: tolerant about form, strict about values, and always with the place of what is wrong."""

import pytest
from lxml import etree

from caiso_ads.core.codes import InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction, InstructionDetail, Unknown
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import plan_of
from caiso_ads.wire.reading import Memos, NounReader

HEAD = (
    "<marketID>M</marketID><batchStatus>3</batchStatus><batchReceived>2020-07-21T23:16:04Z</batchReceived>"
    "<batchType>0</batchType><startTime>2020-07-21T23:20:00Z</startTime><dispatchMode>0</dispatchMode>"
    "<bindingFlag>Y</bindingFlag><revisionNo>0</revisionNo>"
)
NEEDED = (
    "<batchUID>B</batchUID><resourceId>R</resourceId><instructionType>0</instructionType>"
    "<revisionNumber>0</revisionNumber><statusCode>0</statusCode>"
)


def _batch(content: str, attributes: str = 'batchUID="B"') -> DispatchBatch:
    root = etree.fromstring(f"<DispatchBatch {attributes}>{content}</DispatchBatch>")
    batch: DispatchBatch = NounReader(plan_of(DispatchBatch), Memos()).read(root)
    return batch


def _instruction(content: str) -> Instruction:
    return _batch(
        f'{HEAD}<instructions><instruction instructionUID="I">{NEEDED}{content}</instruction></instructions>'
    ).instructions[0]


def _segment(number: int, content: str) -> str:
    return f'<instructionDetail segNo="{number}">{content}</instructionDetail>'


def _where(content: str, attributes: str = 'batchUID="B"') -> str:
    with pytest.raises(WireError) as caught:
        _batch(content, attributes)
    return caught.value.where


def test_optional_elements_may_be_missing() -> None:
    batch = _batch(HEAD)
    assert (batch.batch_sent, batch.instructions, batch.unknown) == (None, (), ())


def test_order_does_not_matter() -> None:
    parts = HEAD.replace("><", ">|<").replace("</", "\0").split("|")
    turned = "".join(part.replace("\0", "</") for part in reversed(parts))
    assert _batch(turned) == _batch(HEAD)


def test_any_namespace_will_do() -> None:
    plain = _batch(HEAD)
    assert _batch(HEAD, 'batchUID="B" xmlns="urn:later"') == plain
    assert _batch(HEAD, 'xmlns:p="urn:x" p:batchUID=" B "') == plain


def test_empty_optional_elements_are_absent() -> None:
    instruction = _instruction("<endTime/><acceptStatus> </acceptStatus><asType></asType><detail/>")
    assert instruction == _instruction("")


def test_an_empty_number_is_refused_by_name() -> None:
    place = "instructions[1]/dot"
    for empty in ("<dot/>", "<dot> </dot>"):
        assert (
            _where(f'{HEAD}<instructions><instruction instructionUID="I">{NEEDED}{empty}</instruction></instructions>')
            == place
        )


def test_an_empty_required_text_is_kept_as_the_schema_allows_it() -> None:
    assert _batch(HEAD.replace(">M<", "> <")).market_id == ""


def test_codes_we_do_not_know_survive() -> None:
    instruction = _instruction("").instruction_type
    assert instruction is InstructionType.DOT
    assert _batch(HEAD.replace("<batchType>0", "<batchType>99")).batch_type == 99


@pytest.mark.parametrize("name", ["marketID", "batchStatus", "startTime", "revisionNo"])
def test_a_missing_required_element_is_named(name: str) -> None:
    assert _where(HEAD.replace(f"<{name}>", "<other>").replace(f"</{name}>", "</other>")) == name


@pytest.mark.parametrize("attributes", ["", 'batchUID=""', 'batchUID="  "', 'batchuid="B"'])
def test_a_missing_or_empty_identifier_is_named(attributes: str) -> None:
    assert _where(HEAD, attributes) == "@batchUID"


def test_an_element_given_twice_is_refused() -> None:
    assert _where(HEAD + "<marketID>M</marketID>") == "marketID"
    assert _where(HEAD + "<instructions/><instructions/>") == "instructions"


def test_elements_inside_a_value_are_refused() -> None:
    assert _where(HEAD.replace(">M<", ">M<b/><")) == "marketID"
    assert _where(HEAD + "<batchSent><b/></batchSent>") == "batchSent"


def test_a_bad_value_is_found_in_its_item() -> None:
    good = f'<instruction instructionUID="I">{NEEDED}</instruction>'
    bad = good.replace("</instruction>", "<dot>1u5</dot></instruction>")
    assert _where(f"{HEAD}<instructions>{good}{good}{bad}</instructions>") == "instructions[3]/dot"
    segments = _segment(1, "<mw>1</mw>") + _segment(2, "<mw>NaN</mw>")
    deep = good.replace("</instruction>", f"<detail>{segments}</detail></instruction>")
    assert _where(f"{HEAD}<instructions>{deep}</instructions>") == "instructions[1]/detail[2]/mw"


def test_unknown_elements_are_kept_wherever_they_are() -> None:
    batch = _batch(f"<first>1</first>{HEAD}<instructions><odd> a<b>c</b> </odd></instructions><p:x xmlns:p='urn:p'/>")
    assert batch.unknown == (Unknown("first", "1"), Unknown("x", ""), Unknown("odd", "ac"))
    assert batch.instructions == ()


SEGMENT = InstructionDetail(seg_no=1, service_type="SCHD", mw=47.0)
SCHD = "<serviceType>SCHD</serviceType><mw>47.0</mw>"


def test_equal_segments_are_read_alike_in_each_instruction() -> None:
    details = f"<detail>{_segment(1, SCHD)}{_segment(1, SCHD)}</detail>"
    assert _instruction(details).detail == (SEGMENT, SEGMENT)


@pytest.mark.parametrize("prefix", ["", "p:"])
def test_segments_are_read_with_and_without_a_prefix(prefix: str) -> None:
    segment = _segment(1, SCHD).replace("<", f"<{prefix}").replace(f"<{prefix}/", f"</{prefix}")
    assert _instruction(f"<detail xmlns:p='urn:p'>{segment} {segment}</detail>").detail == (SEGMENT, SEGMENT)


def test_strangers_among_segments_go_to_the_instruction() -> None:
    read = _instruction(f"<detail><x>1</x>{_segment(1, SCHD)}<y/>{_segment(1, SCHD)}</detail>")
    assert read.detail == (SEGMENT, SEGMENT)
    assert read.unknown == (Unknown("x", "1"), Unknown("y", ""))


def test_a_segment_that_is_empty_or_mentions_its_own_name_is_read() -> None:
    read = _instruction(
        f'<detail><instructionDetail segNo="1"/>{_segment(2, "<serviceType>an instructionDetail</serviceType>")}</detail>'
    )
    assert read.detail == (
        InstructionDetail(seg_no=1),
        InstructionDetail(seg_no=2, service_type="an instructionDetail"),
    )


def test_segments_inside_segments_do_not_confuse_their_neighbours() -> None:
    """The count of closing tags equals the count of children here, by accident; nothing may be learnt from that."""

    def nested(inner: str) -> str:
        return f'<detail><instructionDetail segNo="1"/>{_segment(2, _segment(3, inner))}</detail>'

    content = "".join(
        f'<instruction instructionUID="I{at}">{NEEDED}{nested(inner)}</instruction>'
        for at, inner in enumerate(["<mw>1</mw>", "<mw>2</mw>"])
    )
    read = _batch(f"{HEAD}<instructions>{content}</instructions>")
    assert [instruction.detail[1].unknown for instruction in read.instructions] == [
        (Unknown("instructionDetail", "1"),),
        (Unknown("instructionDetail", "2"),),
    ]
