"""From a published corpus to batches: manifests, audio, text, tokens, augmentation, batching."""
