"""The history of the tables, oldest first. Each step is written by hand and runs whole or not at all."""
