"""What a Deployment was asked and how well it answered: read from what serving left behind, judged by `stats`, written up."""
