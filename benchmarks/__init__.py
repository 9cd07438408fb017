"""Measurements: Pellucid against its peers and against the machine.

What `pellucid bench` runs: `command` is the command, `workloads` what is measured, `runners/` who can be measured,
`worker` and `contenders` the processes, `peak` the machine's ceiling, `timing` the taking of turns, `start` and
`growth` what else is asked, `report` and `plot` what is made of it.

Each of the others is a program of its own: `lab` measures the page, `estimators` scores on tables, `watch` and
`threads` what they are named after, and `memcheck` runs compiled programs under valgrind.
"""
