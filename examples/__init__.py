"""Seven small apps that use the client library, each started by `./examples/run NAME`."""
