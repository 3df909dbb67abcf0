"""Synthesize, compile, tune and decompile differentiable programs."""

from neurocomp import moved

__version__ = "0.1.0"

moved.install()
