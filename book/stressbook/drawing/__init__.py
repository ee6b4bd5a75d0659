"""Drawing: one look, one kind of table and one set of words for all chapters."""
