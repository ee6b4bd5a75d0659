"""Does it hold? The chapters that judge the paper's claims and its published numbers."""
