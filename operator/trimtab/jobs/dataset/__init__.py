"""Making a version of a Dataset: source, reading, checking, rules, splitting, writing; `jobs.snapshot` puts them in order."""
