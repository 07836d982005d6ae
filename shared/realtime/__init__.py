"""Realtime: live connections and their topics, and jobs with every hop they took.

Promises: a job's record is the truth and a frame only its echo; a listener hears nothing but its
own tenant's topics.
"""
