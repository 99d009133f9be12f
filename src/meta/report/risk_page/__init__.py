"""The risk page: published risk beside the evidence, and a calculator of any profile."""
