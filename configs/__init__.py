"""Hydra's configuration: `run.yaml` and one folder for each group. Installed as `neurocomp.configs`."""
