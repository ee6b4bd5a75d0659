"""Referee: what the paper left open, one module a question.

Each measures variants of the protocol (`measure`), answers in numbers (`answer`), and draws one figure (`plot`); `summary`
gathers the answers.
"""
