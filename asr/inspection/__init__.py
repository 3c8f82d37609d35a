"""Looking into a network: how its gradients flow, and what it makes of an utterance."""
