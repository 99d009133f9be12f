"""What the sampler did, drawn with ArviZ, and how the page of checks tells it."""
