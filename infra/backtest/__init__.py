"""A log folded again under one pipeline or several, and how good what they said of it was."""
