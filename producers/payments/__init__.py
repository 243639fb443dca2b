"""Seeded card payments and their late labels, in the order in which they became known."""

from producers.payments.day import Day, Fraud, payments_of
from producers.payments.population import Population, populate
from producers.payments.scenario import Scenario
from producers.payments.story import days, tell

__all__ = ["Day", "Fraud", "Population", "Scenario", "days", "payments_of", "populate", "tell"]
