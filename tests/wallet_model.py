"""A wallet as anybody would keep it on paper: what the books are compared with. It shares no code with them."""

from dataclasses import dataclass, field

LOW, GRACE, GRACE_HOURS, ALERT_AT = 2_000_000, 5_000_000, 24, 5_000_000
_KINDS = ("promotional", "granted", "paid")


@dataclass
class Credit:
    """A lot: micros left, and the hour from which it is void."""

    name: str
    kind: str
    left: int
    void_from: int | None = None


@dataclass
class PaperWallet:
    """One prepaid account. Time is whole hours."""

    balance: int = 0
    credits: list[Credit] = field(default_factory=list)
    debt: int = 0
    state: str = "active"
    out_since: int | None = None
    armed: bool | None = None
    alerts: int = 0
    paid: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Micros credited and given back of each payment."""
    hour: int = 0

    def add(self, name: str, kind: str, micros: int, void_from: int | None = None) -> None:
        repaid = min(self.debt, micros)
        self.debt -= repaid
        self.balance += micros
        self.credits.append(Credit(name, kind, micros - repaid, void_from))

    def use(self, micros: int) -> None:
        self.balance -= micros
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
        for credit in self.credits:
            if credit.void_from is not None and credit.void_from <= self.hour:
                self.balance -= credit.left
                credit.left = 0

    def void(self, name: str) -> None:
        """What is left of one lot goes."""
        for credit in self.credits:
            if credit.name == name:
                self.balance -= credit.left
                credit.left = 0

    def give_back(self, name: str, micros: int) -> None:
        """Of the payment's own lot first."""
        own = next(credit for credit in self.credits if credit.name == name)
        taken = min(own.left, micros)
        own.left -= taken
        self.balance -= taken
        self.use(micros - taken)

    def look(self) -> None:
        """States and alerts, by what the balance says now."""
        if self.balance > 0:
            self.state = "low" if self.balance <= LOW else "active"
            self.out_since = None
        else:
            if self.out_since is None:
                self.out_since = self.hour
            over = self.hour >= self.out_since + GRACE_HOURS or self.balance < -GRACE
            self.state = "suspended" if over or self.state == "suspended" else "grace"
        if self.armed and self.balance <= ALERT_AT:
            self.armed, self.alerts = False, self.alerts + 1
        elif (self.armed is False and self.balance >= ALERT_AT * 11 // 10) or (
            self.armed is None and self.balance > ALERT_AT
        ):
            self.armed = True
