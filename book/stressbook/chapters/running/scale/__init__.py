"""Scale: the time and the storage that many images take."""
