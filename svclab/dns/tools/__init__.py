"""nslookup, host, dig and getent: each is a generator of questions that returns what it prints."""
