"""One file per family of routers."""
