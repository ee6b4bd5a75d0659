"""Sample photographs, sent through the network while the book is built."""
