"""How large a plan document may be. What is larger is a mistake, or several plans."""

from typing import Final

CODE_CHARACTERS_MAX: Final = 100
METERS_MAX: Final = 200
METERS_OF_CHARGE_MAX: Final = 50
FILTERED_PROPERTIES_MAX: Final = 8
FILTER_VALUES_MAX: Final = 500
CHARGES_MAX: Final = 200
ADJUSTMENTS_MAX: Final = 50
DIMENSIONS_MAX: Final = 8
ROWS_MAX: Final = 5_000
"""Rows of one matrix."""
COMPARISONS_MAX: Final = 500_000
"""Pairs of rows looked at for ambiguity; only rows that name different dimensions are compared."""
AMBIGUITIES_SHOWN_MAX: Final = 20
"""Of one matrix: who mends these sees the others next."""
VALUE_CHARACTERS_MAX: Final = 256
TRIAL_DAYS_MAX: Final = 1_200
PERIODS_MAX: Final = 1_200
