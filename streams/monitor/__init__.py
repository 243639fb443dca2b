"""Watches what is scored and how the scores turn out: drift, errors, quality."""

from streams.monitor.definition import Monitor
from streams.monitor.stage import MonitorStage, MonitorState
from streams.monitor.watched import Watched

__all__ = ["Monitor", "MonitorStage", "MonitorState", "Watched"]
