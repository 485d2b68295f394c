"""What the types that train have in common: their blocks, their rules and their one form."""
