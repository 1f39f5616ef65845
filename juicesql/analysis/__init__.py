"""What `juicesql analyze` and `juicesql compare` find out about data: every number is a SQL aggregate."""
