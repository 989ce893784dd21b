"""Running: the driver's loop, Spark, a chunk's way, progress and proof."""
