"""The gateway's log: written behind answers, read by commands, turned into tables and off-policy estimates."""
