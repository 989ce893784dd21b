"""Tests of jobs.planning: pure, no server."""
