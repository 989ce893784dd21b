"""Configuration: what people write in files, read strictly, every problem told at once; secrets looked up only here."""
