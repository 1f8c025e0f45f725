"""Trimtab: features, data, training, registry, serving, monitoring and retraining as Kubernetes resources."""

__version__ = "0.1.0"
