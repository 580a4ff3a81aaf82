"""Durable memory: one schema, one writer, and a commit before anything is shown or acknowledged."""
