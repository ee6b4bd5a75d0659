"""A card for each data set, network and classical method that the project knows by name."""
