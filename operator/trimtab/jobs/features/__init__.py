"""Steps of the verb `materialize`, and the join by which `snapshot` takes up what it made."""
