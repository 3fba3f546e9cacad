"""kubectl, as a client of the cluster's API server: flags, requests and output as kubectl 1.33 has them."""
