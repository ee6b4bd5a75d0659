"""The front page: the chapter that the book opens with."""
