"""GST: the states, who is registered where, which heads of tax a supply bears, and how tax is rounded."""
