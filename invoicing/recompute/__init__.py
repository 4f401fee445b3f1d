"""The second rater: any account's charges anew, from raw events and plan documents, in plain fractions.

It shares no code with the first (domain/pricing, domain/catalogue, domain/metering, domain/attribution): what an error there
would do to a price shows here as a difference. import-linter holds that.
"""
