"""A sink in a process of its own, for a library that can stall, crash or grow: the gateway goes on whatever it does.

Rule: the process runs an ordinary sink with an ordinary feed; only that both lie on the other side of a pipe is new.
Read ``wire`` for what is said, ``parent`` for the gateway's side, ``process`` for the other.
"""
