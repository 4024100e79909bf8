"""Guests in a process of their own, for engines that cannot be stopped or must not be shared.

`guest` is the host's side, `main` the child's. They share linear memory: the child lays a shared
file over it (`window`), and so a system call is a few bytes on a socket, whatever it moves.
"""
