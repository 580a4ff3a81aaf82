"""The price client: a typed, paced, patient reader of the ISO's public OASIS service; also a library.

Rule: one pace for the whole host, https only, and no answer that is neither data, "none" nor a typed error.
"""
