"""The pure heart: the nouns of ADS and what they mean at a given time. Standard library only; no clock, no I/O."""
