"""The parts of the verb `train`, one thing to decide a file; `jobs/train.py` is the path through them."""
