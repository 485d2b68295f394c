"""The command line: one small file a command. It imports everything and is imported by nothing."""
