"""Measurements: Pellucid against its peers and against the machine.

What `pellucid bench` runs: `command` is the command, `networks` and `workloads` what is measured, `flops` how much work
that is, `runners/` who can be measured, `worker` and `contenders` the processes, `instruction_sets` what these may use,
`peak` the machine's ceiling, `timing` the taking of turns, `start`, `first_steps` and `growth` what else is asked,
`report` and `plot` what is made of it.

Each of the others is a program of its own: `lab` measures the page, `estimators` scores on tables, `watch` and
`threads` what they are named after, and `memcheck` runs compiled programs under valgrind.
"""
