"""Work in parts: what a part is, and the engines that do parts on this machine or on a cluster."""
