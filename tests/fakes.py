"""Fakes, not mocks: small real implementations of the ports, for tests only."""
