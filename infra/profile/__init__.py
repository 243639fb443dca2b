"""Events described before there is a model: their fields, their labels, what changes, and what looks like a leak."""
