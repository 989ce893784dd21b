"""What can go wrong with anonymization. Messages never carry a value or a key.

AnonymizerError
├── PolicyError    a strategy, option or domain that does not exist or does not fit its column
└── KeyRefused     a master key that is missing, too short, not random enough or not private
"""

from __future__ import annotations


class AnonymizerError(Exception):
    """Anything this package reports. Raised as one of the classes below."""


class PolicyError(AnonymizerError):
    """A strategy, option or domain that does not exist or does not fit its column."""


class KeyRefused(AnonymizerError):
    """A master key that is missing, too short, not random enough or not private."""
