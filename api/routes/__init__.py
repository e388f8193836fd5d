"""HTTP to core and store, and back. Routes translate; they do not think."""
