"""Whether the vectors that were served are those that the definition asks for, computed apart from the live path."""
