"""Planning: pure functions from configuration and two schemas to a plan, with every problem found on the way."""
