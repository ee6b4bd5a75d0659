"""Running: many settings on many cores or machines, finished ones kept."""
