"""What the environment says of the network, for the clients that read it: a proxy, and whom to trust."""

UNUSABLE = (ImportError, ValueError, OSError)
"""What httpx raises when a client is made: a SOCKS proxy without its package, no address, a file that isn't there."""


def unusable(error: Exception) -> str:
    """What to say of it, in a line."""
    return (
        f"the proxy or the certificates that the environment names can't be used: {error}; "
        "correct ALL_PROXY, HTTPS_PROXY or SSL_CERT_FILE, or unset it"
    )
