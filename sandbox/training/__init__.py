"""What training components do in processes of their own."""
