"""The control store: operations, their progress and their table tasks, in a file or on a team's server."""
