"""Strategies: one file each, found by name; see `anonymizers/contract.py`."""
