"""stressbook: what makes the book out of stresslib: chapters that measure and draw, and the runs that check them."""
