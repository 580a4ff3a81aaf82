"""Whether the ISO lets our certificate answer. Rule: one alarm when it says no, one line when it says yes again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from caiso_ads.core.answers import Answer
from caiso_ads.core.codes import ResponseResult
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import Fact

log = logging.getLogger("caiso_ads.alarm")


class RoleAlarm:
    """Listens to result codes; ``note`` takes the facts for the evidence chain. Spec: ADS API v7 §1.3, code 5.

    ``refused`` is None until the ISO said either: after a restart the alarm stays as it was.
    """

    def __init__(self, clock: Clock, note: Callable[[Fact], None]) -> None:
        self._clock, self._note = clock, note
        self.raised = False
        self.refused: bool | None = None

    def heard(self, answer: Answer, result: ResponseResult) -> None:
        """Raise the alarm at the first "not authorised", end it at the next success; other codes tell nothing."""
        if result in {ResponseResult.RC_UNAUTHORIZED, ResponseResult.RC_SUCCESS}:
            self.refused = result is ResponseResult.RC_UNAUTHORIZED
        if result is ResponseResult.RC_UNAUTHORIZED and not self.raised:
            self.raised = True
            text = "the ISO does not let our certificate answer (result 5): ask for the role, or see [responses]"
            log.error(text)
        elif result is ResponseResult.RC_SUCCESS and self.raised:
            self.raised = False
            text = "the ISO takes answers of our certificate again"
            log.warning(text)
        else:
            return
        kind = "role alarm" if self.raised else "role alarm over"
        now = self._clock.now().wall
        self._note(Fact(kind, now, "caiso-ads", text, answer.resource_id, answer.batch_uid, answer.instruction_uid))
