"""Watches what is scored and how the scores turn out: drift, errors, quality."""

from streams.monitor.definition import Monitor

__all__ = ["Monitor"]
