"""A wallet as anybody would keep it on paper: what the books are compared with. It shares no code with them."""

from dataclasses import dataclass, field

LOW, GRACE, GRACE_HOURS, ALERT_AT = 2_000_000, 5_000_000, 24, 5_000_000
_KINDS = ("promotional", "granted", "paid")


@dataclass(frozen=True)
class Terms:
    """What was agreed, in micros: little credit from `low` on, so much of grace, and a warning at `alert`."""

    low: int = LOW
    grace: int = GRACE
    alert: int = ALERT_AT

    @property
    def armed_again(self) -> int:
        """From where on a warning that was given may be given again: a tenth of its level above it, a micro at least."""
        return self.alert + max(abs(self.alert) // 10, 1)

    @property
    def edges(self) -> tuple[int, ...]:
        """Balances at or just beyond which something changes, and some on their other sides."""
        levels = (self.low, 0, -self.grace, self.alert, self.armed_again)
        return tuple(sorted({level + beside for level in levels for beside in (-1, 0, 1)}))


@dataclass
class Credit:
    """A lot: micros left, and the hour from which it is void."""

    name: str
    kind: str
    left: int
    void_from: int | None = None


@dataclass
class Warned:
    """A warning: the hour and balance at which it was given, and the hour in which the wallet had recovered."""

    hour: int
    balance: int
    over: int | None = None


@dataclass
class PaperWallet:
    """One prepaid account. Time is whole hours."""

    terms: Terms = field(default_factory=Terms)
    balance: int = 0
    credits: list[Credit] = field(default_factory=list)
    debt: int = 0
    state: str = ""
    out_since: int | None = None
    armed: bool | None = None
    warnings: list[Warned] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Every state the account came to, as core has to hear of it."""
    paid: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Micros credited and given back of each payment."""
    hour: int = 0

    def add(self, name: str, kind: str, micros: int, void_from: int | None = None) -> None:
        repaid = min(self.debt, micros)
        self.debt -= repaid
        self.credits.append(Credit(name, kind, micros - repaid, void_from))
        self._come_to(self.balance + micros)

    def use(self, micros: int) -> None:
        self._burn(micros)
        self._come_to(self.balance - micros)

    def _burn(self, micros: int) -> None:
        left = [(self._order(credit), age) for age, credit in enumerate(self.credits) if credit.left]
        for _, age in sorted(left):
            credit = self.credits[age]
            if credit.void_from is None or self.hour < credit.void_from:
                taken = min(credit.left, micros)
                credit.left -= taken
                micros -= taken
        self.debt += micros

    def _order(self, credit: Credit) -> tuple:
        void = credit.void_from if credit.void_from is not None else 10**18
        return (void, _KINDS.index(credit.kind))

    def expire(self) -> None:
        due = [(one.void_from, age) for age, one in enumerate(self.credits) if one.left and one.void_from is not None]
        for void_from, age in sorted(due):
            if void_from <= self.hour:
                self.void(self.credits[age].name)

    def void(self, name: str) -> None:
        """What is left of one lot goes."""
        for credit in self.credits:
            if credit.name == name:
                left, credit.left = credit.left, 0
                self._come_to(self.balance - left)

    def give_back(self, name: str, micros: int) -> None:
        """Of the payment's own lot first."""
        own = next(credit for credit in self.credits if credit.name == name)
        taken = min(own.left, micros)
        own.left -= taken
        self._burn(micros - taken)
        self._come_to(self.balance - micros)

    @property
    def room_below(self) -> int:
        """How far below zero messages are still promised."""
        return 0 if self.state == "suspended" else self.terms.grace

    def look(self) -> None:
        """The state, by what the balance and the clock say now."""
        state = self._stands()
        if state != self.state:
            self.state = state
            self.told.append(state)

    def _come_to(self, balance: int) -> None:
        """Another balance, at which a warning may have to be given, however soon it is another one again."""
        self.balance = balance
        if self.armed and self.balance <= self.terms.alert:
            self.armed = False
            self.warnings.append(Warned(self.hour, self.balance))
        elif self.armed is False and self.balance >= self.terms.armed_again:
            self.armed, self.warnings[-1].over = True, self.hour
        elif self.armed is None and self.balance > self.terms.alert:
            self.armed = True

    def _stands(self) -> str:
        if self.balance > 0:
            self.out_since = None
            return "low" if self.balance <= self.terms.low else "active"
        if self.out_since is None:
            self.out_since = self.hour
        over = self.hour >= self.out_since + GRACE_HOURS or self.balance < -self.terms.grace
        return "suspended" if over or self.state == "suspended" else "grace"
