"""Changes to the pool of a trained router: anchor samples, candidates that join or leave, and prices."""
