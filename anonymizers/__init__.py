"""Anonymization: keyed, deterministic, vectorised replacements over Arrow arrays. Knows nothing of databases or jobs."""
