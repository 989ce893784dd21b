"""Detection: which columns look personal, and what to do with them. Names, sampled values, guards, proposals; all pure."""
