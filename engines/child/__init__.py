"""Guests in a process of their own, for engines that cannot be stopped or must not be shared.

`process` begins one and sees to its end; `main` is what it runs. The host's side is `guest` for
programs, and for plain modules `plain` with `channel`; `server` is the child's for these. They share
linear memory: the child lays a shared file over it (`window`), and so a system call is a few bytes
on a socket, whatever it moves.
"""
