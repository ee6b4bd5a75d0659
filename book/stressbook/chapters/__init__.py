"""Chapters, in the order of the book; each has what it measures in `measure`, what it draws and says in `page`."""
