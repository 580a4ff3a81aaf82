"""An alarm and its kind as plain values, for every place that shows them. Rule: one form, made here."""

from __future__ import annotations

from datetime import datetime

from caiso_ads.core.alarm_kinds import Alarm, AlarmKind, AlarmState, Scope


def alarm_values(alarm: Alarm) -> dict[str, object]:
    """Return one alarm; times are ISO 8601 in UTC, what there is none of is None."""
    kind, subject = alarm.kind, alarm.ident.subject
    return {
        "id": alarm.ident.text,
        "key": kind.key,
        "scope": kind.scope.value,
        "subject": subject or None,
        "resource_id": subject if kind.scope is Scope.RESOURCE else None,
        "priority": kind.priority.word,
        "state": alarm.state.value,
        "active": alarm.active,
        "raised_at": utc_text(alarm.raised_at),
        "changed_at": utc_text(alarm.changed_at),
        "text": alarm.text,
        "cause": kind.cause,
        "consequence": kind.consequence,
        "action": kind.action,
        "shelved_until": None if alarm.shelved_until is None else utc_text(alarm.shelved_until),
        "by": alarm.by or None,
        "note": alarm.note or None,
        "count": alarm.count,
        "root": alarm.root or None,
        "children": list(alarm.children),
    }


def kind_values(kind: AlarmKind) -> dict[str, object]:
    """Return one line of the catalogue; delays in seconds."""
    return {
        "key": kind.key,
        "scope": kind.scope.value,
        "priority": kind.priority.word,
        "text": kind.begins,
        "over": kind.over,
        "cause": kind.cause,
        "consequence": kind.consequence,
        "action": kind.action,
        "on_delay_s": kind.on_delay_s,
        "off_delay_s": kind.off_delay_s,
        "roots": list(kind.roots),
    }


def utc_text(moment: datetime) -> str:
    """Return an aware UTC time as ISO 8601 with Z, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def summary(alarms: list[Alarm]) -> dict[str, object]:
    """Return how many are announced and hold, how many wait to be acknowledged, and the highest priority of both."""
    active = (AlarmState.ACTIVE_UNACK, AlarmState.ACTIVE_ACK)
    unseen = (AlarmState.ACTIVE_UNACK, AlarmState.RETURNED_UNACK)
    shown = [alarm for alarm in alarms if alarm.state in active or alarm.state in unseen]
    highest = min((alarm.kind.priority for alarm in shown), default=None)
    return {
        "active": sum(alarm.state in active for alarm in shown),
        "unacknowledged": sum(alarm.state in unseen for alarm in shown),
        "highest": None if highest is None else highest.word,
    }
