"""Nothing here is asynchronous."""
