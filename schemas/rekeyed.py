"""What a record that was keyed anew says of the one that it was: names of headers, behind those that it came with."""

HEADER_PREFIX = "millrace.rekeyed."

HEADER_FROM = HEADER_PREFIX + "from"
"""Where it stood: `payments.events/2@4711`."""

HEADER_KEY = HEADER_PREFIX + "key"
"""Its key, in bytes; without this header it had none."""
