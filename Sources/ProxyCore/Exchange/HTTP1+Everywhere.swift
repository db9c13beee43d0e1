// Every stage speaks of heads, fields and methods: the codec is in sight wherever ProxyCore is.
@_exported import HTTP1
