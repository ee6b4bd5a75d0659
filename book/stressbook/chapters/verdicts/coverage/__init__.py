"""Coverage: every published number beside the one of this project that answers it."""
