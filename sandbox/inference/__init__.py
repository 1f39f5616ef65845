"""What components that ask models do: probes, prompts, held-out data, and the child process with the model."""
