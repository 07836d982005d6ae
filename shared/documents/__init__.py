"""Documents: folders, documents, their immutable versions, and uploads on their way in.

Promises: the same bytes are one version inside a tenant; a version never changes; names are the
user's own and addresses are ours.
"""
