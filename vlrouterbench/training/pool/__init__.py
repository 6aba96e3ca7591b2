"""The pool of a router that is trained already: probes of a newcomer, who joins, who leaves, what prices are."""
