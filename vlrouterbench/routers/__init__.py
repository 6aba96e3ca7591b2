"""Routers: an island of flat files that import only each other, numpy, torch, Pillow and transformers.

The files a router needs are copied whole beside its weights, so that `AutoModel.from_pretrained(...,
trust_remote_code=True)` works where this package is not installed. `auto` (loading by family name) and `registry`
stay here.
"""
