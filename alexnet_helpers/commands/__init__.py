"""What a reader starts by `python -m alexnet_helpers`: whole trainings, and the benchmark beside the book's code."""
