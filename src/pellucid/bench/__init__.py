"""Measurements: Pellucid against its peers and against the machine.

`workloads` is what is measured, `runners/` who can be measured, `worker` and `contenders` the processes, `peak` the
machine's ceiling, `timing` the taking of turns, `start` and `growth` what else is asked, `report` and `plot` what is
made of it.
"""
