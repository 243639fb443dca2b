"""`millrace demo`: placeholder until the demo lands."""


def demo() -> None:
    """Run the whole stream once."""
