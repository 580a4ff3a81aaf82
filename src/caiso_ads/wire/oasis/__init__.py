"""The price API's wire format, both directions: any answer gives typed rows or a typed error; the simulator writes it.

Rule: an answer is judged by its content, never by what was asked for or by its status. Spec: OASIS 5.1.8.
"""
