"""Access: roles, groups, grants and share links, and the one answer to "may I".

What is said here (grants on folders, collections and documents; who is in which group) the
database turns into access lists in the same transaction, and row-level security holds every query
to them (decision 14). A thing that somebody may not see is not there for them.
"""
