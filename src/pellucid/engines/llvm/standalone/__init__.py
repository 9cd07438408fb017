"""A program's code to be kept: object files for any CPU, that call nothing and allocate nothing.

cpus.py       what code is made for, by triple
functions.py  programs as functions over memory that the caller gives
compiling.py  text to object code, in a process of its own
symbols.py    what an object file defines, and what it asks of others
"""
