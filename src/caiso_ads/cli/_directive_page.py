"""``docs/directive.md``, made from the truth table itself so that it cannot say anything else."""

from __future__ import annotations

from caiso_ads.core.cases import CASES, verdict
from caiso_ads.core.quality import Reason

REGENERATE = "caiso-ads points --directives > docs/directive.md"

_HEAD = f"""# The directive

Generated from `src/caiso_ads/core/cases.py`: do not edit. Make it again with `{REGENERATE}`.

One word for each resource, the same on every protocol:

| directive | the plant |
| --- | --- |
| FOLLOW | goes to `setpoint_mw` |
| HOLD | stays with `setpoint_mw`, the last good value, kept by policy |
| RELEASE | is free; where `setpoint_mw` is the configured fallback, goes there |
| NO_DATA | has nothing to go by |
| TEST | must not act: the data is a simulator's or a market simulation's, else it would say FOLLOW |

FOLLOW needs everything at once: a complete poll within 30 s, a schedule that covers now, a value inside the limits, a
binding flag, a running market, a trusted clock and a store that writes. It starts at NO_DATA after every start.

## When our own link is lost

`link_lost_hold_min` (30) minutes the last good value is held, `hold_left_s` counts down; then `link_lost_then`
applies: `release` (the default), `value` (`fallback_mw`), or `hold`. The ISO's own silence is another cause: while the
link is up, the last good dispatch is held without end, as the ISO asks for when its market is out.

## When our clock cannot be trusted

More than `clock_off_s` (10 s) away from the ISO's Date header, or after a jump against the monotonic clock, nothing is
rotated: all is evaluated at the last trusted time until the ISO's clock agrees again.

## When a batch cannot be read

It may have been the present target, so every resource says HOLD and BATCH_UNREADABLE until a later 5-minute batch was
read; a restart does not forget it. The reason stays for `market_silent_s` (420 s) after the batch came, beside FOLLOW,
so that it can be seen. An unreadable answer with trajectories is another cause: such a poll is not complete, and the
link ages.

## When one revision comes with two contents

Both are kept. The one received last is used, with HOLD and CONFLICT where a target shown is from it, until the gateway,
which asks for it first in its next poll, has read the same content again; so it is after a restart. Interpretation: only
targets are compared, because a status may change without anything else.

## When yesterday's data comes again as new

A 5-minute batch, target or trajectory that arrives more than 15 minutes after its own time is stored, and shown where it
belongs, and is no sign that the market runs: `market_age_s`, `dispatch_age_s` and `trajectory_age_s` go on growing.

## When a step is larger than the ramp rate

With `beyond_ramp = "publish"` the ISO decides: it is published, with the notice BEYOND_RAMP. With "refuse" it is
refused like a value outside the limits. Interpretation: a target is too large when `ramp_mw_per_min` does not lead to
it from the newest accepted target of an earlier time, in the time between the two or one interval where that is less
(judged once, when it arrives); a trajectory, when one stretch between two of its points is steeper, and then as a
whole. A step between 0 and `operating_min_mw` is a start-up or shut-down and always possible. How one trajectory
follows another is not judged.

## What covers now

With `setpoint = "dop"`, the ISO's operating points. With `ramp` or `step`, targets. Interpretation: a 5-minute target
covers its own interval; an hourly one (batch type 1) its hour, or until its `endTime`; an exceptional dispatch until its
`endTime`, or until it should have been sent again twice (10 min). After a gap a step stays uncovered until the next
target applies; a ramp is covered from the begin of that target's interval, because it is on its way there.

Interpretation: of an hourly dispatch that was answered, or timed out, the accepted amount counts; a declined one
without an amount is no target. An exceptional dispatch sent again under new UIDs is one instruction: a cancel of a
later copy withdraws the earlier ones.

## Wind and sun

Interpretation: with the follow-DOT flag Y a wind or solar resource follows and does not exceed; without it, it is free
to run. The flag counts from the begin of its interval, and during an exceptional dispatch nobody is free. Every other
technology always follows. `curtailed` is 1 while it must follow below its schedule (SUPP < 0).

## Truth table

With the default limits and fallback. Everything not named is as it should be.
"""


def directive_page() -> str:
    """Return the whole page."""
    lines = ["| cause | quality | directive | reasons |", "| --- | --- | --- | --- |"]
    for name in CASES:
        said = verdict(name)
        reasons = ", ".join(str(bit.name) for bit in Reason if bit in said.reasons and bit is not Reason.NONE)
        lines.append(f"| {name} | {said.quality.name} | {said.directive.name} | {reasons or '-'} |")
    return _HEAD + "\n" + "\n".join(lines) + "\n"
