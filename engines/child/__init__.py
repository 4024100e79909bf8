"""Guests in a process of their own, for engines that cannot be stopped or must not be shared.

`process` begins one and sees to its end; `main` is what it runs. For programs the host's side is
`guest`; for plain modules it is `plain` with `channel`, and the child's is `server`. They share
linear memory: the child lays a shared file over it (`window`), and so a system call is a few bytes
on a socket, whatever it moves.
"""
