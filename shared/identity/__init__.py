"""Identity: tenants, their people, what each role may do, and the tokens that prove who calls.

Promises: a password is never stored or logged, a signed-out token is refused at once, and nobody
learns from an answer whether an e-mail address is known.
"""
