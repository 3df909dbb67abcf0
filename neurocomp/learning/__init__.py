"""Learning abstractions: tasks are solved, what their programs have in common gets a name, and more is solved."""
