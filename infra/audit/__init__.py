"""Asking the ledgers of a pipeline: whether they hold, where they stand, what one event was scored on."""
