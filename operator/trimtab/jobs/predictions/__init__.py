"""What a Deployment has answered and what became known of it since, read from the store and joined: for whoever learns from it or judges it."""
