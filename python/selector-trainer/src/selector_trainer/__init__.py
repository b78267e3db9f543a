"""Fits a cross-encoder on gain groups: KL(teacher ‖ student) over the passages of a query, and nothing else."""

__version__ = "0.1.0"


class Refused(Exception):
    """What the user gave cannot be used; the message is one sentence that says what to do."""
