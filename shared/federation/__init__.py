"""Federation: sign-in at other people's identity providers, and whose account a stranger is there.

Promises: nothing a provider says is believed before its signature, its audience and the sign-in it
answers are checked, and an e-mail address alone makes nobody somebody else.
"""
