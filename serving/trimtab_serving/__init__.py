"""The inference container: one model version a pod, Open Inference Protocol V2, readiness that is proved by golden examples."""
