"""``docs/alarms.md``, made from the catalogue itself so that it cannot say anything else."""

from __future__ import annotations

from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.core.alarm_kinds import AlarmKind
from caiso_ads.core.alarm_rates import CALM_BELOW, CHATTER_OFF_S, CHATTERS_AT, FLOOD_ABOVE, WINDOW_S
from caiso_ads.core.alarms import RELEASE_S

REGENERATE = "caiso-ads alarms catalogue --document > docs/alarms.md"

_HEAD = f"""# Alarms

Generated from `src/caiso_ads/core/alarm_catalogue.py`: do not edit. Make it again with `{REGENERATE}`.

An alarm asks a person to act. Each has a priority, a cause, a consequence and an action, as ISA-18.2 (IEC 62682) asks
for, and is nothing that the plant cannot read as a point. `alarms_active` and `alarms_unacknowledged` are
[points](points.md) too.

```
caiso-ads alarms list
caiso-ads alarms ack value_refused:UNIT_1 --note "called the ISO"
caiso-ads alarms shelve mismatch:UNIT_1 --for 4h --reason "test of the governor"
caiso-ads alarms unshelve mismatch:UNIT_1
caiso-ads alarms test
caiso-ads alarms catalogue
```

## The life of an alarm

- **Active, not acknowledged**, once its condition has held for its delay. A condition that is not known changes nothing.
- **Active, acknowledged**, once a person said so. Nothing else acknowledges.
- **Over, not acknowledged**: it stays in the list until a person has seen it.
- **Shelved**: set aside by a person, with a reason and an end of at most 24 hours. What comes meanwhile is in the
  journal; what still holds at the end is announced again. A clock that is set does not make it longer.
- **Suppressed**: it follows from another alarm that holds. It is in the journal and announced to nobody. When the cause
  is over and it still holds for {RELEASE_S:g} s, it is announced itself.

More than {FLOOD_ABOVE} within {WINDOW_S / 60:g} minutes are a **flood**: one alarm says so, and further ones of medium or low priority, and
of a high one whose kind is announced already for something else, are gathered under it. It is over when fewer than {CALM_BELOW}
came in {WINDOW_S / 60:g} minutes and fewer than {CALM_BELOW} are gathered. An alarm raised {CHATTERS_AT} times within {WINDOW_S / 60:g} minutes **chatters**: it is over only after
{CHATTER_OFF_S / 60:g} minutes of calm.

Every change is a row of the [evidence](evidence.md), with who made it. A restart knows what was acknowledged and shelved.
The log has a line when an alarm begins and one when it is over; those that follow from another at level INFO.
Notifiers tell who does not look at a page: [e-mail, webhook, MQTT, a program](notify.md).

"""


def alarms_page() -> str:
    """Return the whole page."""
    return _HEAD + "\n".join(
        [
            "## The catalogue",
            "",
            "| alarm | about | priority | on / off delay | follows from |",
            "| --- | --- | --- | --- | --- |",
        ]
        + [_line(kind) for kind in CATALOGUE]
        + [""]
        + [_part(kind) for kind in CATALOGUE]
    )


def _line(kind: AlarmKind) -> str:
    roots = ", ".join(f"`{root}`" for root in kind.roots) or "-"
    return f"| `{kind.key}` | {kind.scope} | {kind.priority.word} | {kind.on_delay_s:g} / {kind.off_delay_s:g} s | {roots} |"


def _part(kind: AlarmKind) -> str:
    return (
        f"### {kind.key}\n\n{_sentence(kind.begins)}\n\n"
        f"- Cause: {kind.cause}\n- Leads to: {kind.consequence}\n- Do: {kind.action}\n"
    )


def _sentence(text: str) -> str:
    return f"“{text}”"
