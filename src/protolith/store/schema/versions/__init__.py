"""One file a revision; each stays as it is, whatever the tables become."""
