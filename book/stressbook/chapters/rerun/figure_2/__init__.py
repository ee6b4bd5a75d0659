"""Figure 2: fewer dimensions, at random or by principal components."""
