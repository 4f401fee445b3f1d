"""Rating: an event's parts, each with its running totals and what it adds to them."""
