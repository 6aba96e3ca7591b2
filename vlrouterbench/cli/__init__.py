"""The command line: a skin. Each command parses, calls one function and prints."""
