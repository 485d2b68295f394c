"""The verbs: observe, plan, apply. Pure except through the edges handed in; it knows no provider and no terminal."""
