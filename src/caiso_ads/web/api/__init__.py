"""The HTTP API, version 1, one module per question. Rule: what is given here is documented by the types it is given as."""
