/// The line before HTTP by which a balancer says whom a connection is for (PROXY protocol, version 1).
public enum BalancerLine {
    /// It is for nobody: the balancer itself asks.
    public static let ofNobody = "PROXY UNKNOWN\r\n"
}
