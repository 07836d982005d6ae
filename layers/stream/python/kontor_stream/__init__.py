"""Response streaming for Python on Lambda: a custom runtime and a bridge to ASGI applications.

The managed Python runtime cannot stream (only Node.js can); its documentation points to a custom
runtime. This one is put in place by an exec wrapper, so functions stay on the managed image:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
"""
