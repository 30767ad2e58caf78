"""The gateway's paths: decode, call, encode."""
