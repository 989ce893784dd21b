"""Databases: one folder per engine, each found by its folder name and speaking the contract in `contract.py`."""
