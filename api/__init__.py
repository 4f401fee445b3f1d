"""The HTTP shell: decode, one call, encode."""
