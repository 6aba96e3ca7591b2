"""What every router has: its configuration, its base class, decisions, budgets, losses."""
