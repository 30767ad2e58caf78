"""What every HTTP server of Engram shares: bounded bodies, strict decoding, one shape of error."""
