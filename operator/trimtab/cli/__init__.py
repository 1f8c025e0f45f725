"""The `trimtab` command and the typed objects: what a person holds in a terminal and a notebook, with nothing but a kubeconfig."""
