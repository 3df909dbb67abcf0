"""End-to-end learners: networks that map start words to checked words, and print no program."""
