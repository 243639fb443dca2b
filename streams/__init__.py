"""Millrace's public surface: what a pipeline file imports."""

from streams.aggregate import Windows
from streams.feature import Derived, Field, Per, per
from streams.labels import Labels
from streams.limits import Limits
from streams.monitor.definition import Monitor
from streams.pipeline import Pipeline

__all__ = ["Derived", "Field", "Labels", "Limits", "Monitor", "Per", "Pipeline", "Windows", "per"]
