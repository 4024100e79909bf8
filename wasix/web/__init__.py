"""The page: a bundle that runs programs in a browser, and the kernel's face inside it.

`wasix.web.build` and `wasix.web.serve` work on the developer's machine; `wasix.web.page` is what
the bundle's worker imports in Pyodide, so nothing is imported here.
"""
