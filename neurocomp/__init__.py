"""Synthesize, compile, tune and decompile differentiable programs."""

__version__ = "0.1.0"
