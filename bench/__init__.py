"""Side-by-side measurements: every figure as a ratio to a peer measured in the same run."""
