"""Who may do what on the page and the API. Read ``guard`` for the one question every request answers first.

Rule: nobody may anything until a table says so; passwords, cookies and tokens are kept as hashes and said nowhere.
"""
