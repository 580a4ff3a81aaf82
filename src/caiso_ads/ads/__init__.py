"""The ISO's ADS over HTTP and mutual TLS: the client library, its asynchronous and synchronous faces, certificates."""
