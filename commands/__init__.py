"""The commands of the command line: each reads its arguments, calls the library and returns an answer."""
