"""The demonstration: a seller's month of traffic, made from a seed, with the books it must lead to worked out beside it."""
