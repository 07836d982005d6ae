"""Files before anybody reads them: what they are, what they hide, and whether they may come in.

Keeps the promise that a file is judged by its bytes, that nothing dangerous gets as far as a
parser, and that whatever is refused is told what it is, why, and what is taken instead.
"""
