"""The command line: one module a command, each imported when its command runs."""
