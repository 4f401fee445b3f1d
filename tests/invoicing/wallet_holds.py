"""Holds in the life of a wallet: rules of its machine (wallet_machine.py)."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from connectors import hold_wiring
from domain.holds import Answer
from invoicing.hold_credit import Question
from tests.wallet_model import PaperWallet

SMS_MICROS = 200_000
HELD_MICROS = 200_002


class HoldRules:
    """What core asks before it sends, and what comes of it."""

    paper: PaperWallet
    held: dict[str, int]

    def _hold(self, hold_id):
        asked = Question("acme", "otp.delivered", properties={"channel": "sms"})
        return hold_wiring.hold_credit().hold(asked, hold_id=hold_id, now=self.now).answer

    @property
    def room(self):
        return self.paper.balance + self.paper.room_below - HELD_MICROS * len(self.held)

    @rule()
    def hold(self):
        """Asked before sending: a yes exactly when credit, grace and what is reserved allow it."""
        hold_id = self.name("hold")
        self.retell()
        said = self._hold(hold_id)
        if self.paper.state == "suspended":
            assert said is Answer.SUSPENDED
        else:
            assert (said is Answer.YES) == (self.room >= HELD_MICROS)
        if said is Answer.YES:
            self.held[hold_id] = HELD_MICROS

    @rule(messages=st.integers(1, 20))
    def hold_debit_and_expiry_at_once(self, messages):
        """What is promised then was there before, and what is refused then is not there after."""
        self.expire()
        self.retell()
        hold_id, room, batch = self.name("hold"), self.room, self._events(messages, 0)
        said, _, _ = self.at_once(
            lambda: self._hold(hold_id), lambda: self._meter(self.stores[0], batch), lambda: self._expire()
        )
        self.paper.use(messages * SMS_MICROS)
        if self.paper.state == "suspended":
            assert said is Answer.SUSPENDED
        elif said is Answer.YES:
            assert room >= HELD_MICROS
            if self.room >= HELD_MICROS:
                self.held[hold_id] = HELD_MICROS
            else:
                # It came first, by luck: what may happen next is as if it had not.
                self.holds.release(1, [hold_id])
        else:
            assert (said, self.room < HELD_MICROS) == (Answer.NO_CREDIT, True)
        self.look()

    @rule(which=st.integers(0, 9), delivered=st.booleans())
    def end_hold(self, which, delivered):
        """One of those there are. Which there are may be a race's outcome, and nothing may be drawn by that."""
        if not self.held:
            return
        hold_id = sorted(self.held)[which % len(self.held)]
        if delivered:
            self._meter(self.stores[0], self._events(0, 0, [hold_id]))
            self.paper.use(SMS_MICROS)
        else:
            self.holds.release(1, [hold_id])
        del self.held[hold_id]
        self.look()
