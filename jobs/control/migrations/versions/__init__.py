"""One module per step; each is never changed after its release."""
