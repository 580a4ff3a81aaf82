"""Bytes <-> nouns, both directions: tolerant in, exact out. Any bytes give a value or a WireError. No I/O here."""
