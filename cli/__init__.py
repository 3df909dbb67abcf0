"""The command line: one file for each command. Installed as `neurocomp.cli`."""
