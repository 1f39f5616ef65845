"""What the dashboard asks a stats database: queries over an open connection, for the command line too."""
