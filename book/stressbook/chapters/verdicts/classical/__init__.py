"""Classical: deep features beside classical ones, by what is held equal."""
