"""The parts of bench/sfs_peers: the file server beside its peers."""
