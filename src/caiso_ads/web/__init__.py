"""The control-room page and the HTTP API. Read ``routes`` for what there is, ``server`` for how it is served.

Rule: the page shows what the API gives, the API gives what the plant can read, and neither computes a truth of its own.
"""
