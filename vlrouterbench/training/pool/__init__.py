"""The pool of a router that is trained already: anchor samples of a new candidate, who joins, who leaves, what prices are."""
