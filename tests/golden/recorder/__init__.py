"""The parts of record.py: what is recorded, and how it is written."""
