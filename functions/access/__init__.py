"""HTTP: who may do what: roles, groups, accounts, grants on things, and share links."""
