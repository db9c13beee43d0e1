/// The nodes and their server, read when somebody asks for metrics.
public enum ClusterMetrics {
    public static func install(in metrics: MetricsRegistry, cluster: Cluster) {
        metrics.addCollector { [weak cluster] metrics in
            for metric in [Metric.clusterServerUp, .clusterStoreUp, .clusterNodes, .clusterHints] { metrics.removeAll(metric) }
            guard let cluster, cluster.roster.name != nil else { return }
            metrics.gauge(.clusterNodes).set(Double(cluster.roster.live))
            let state = cluster.serverState
            if state != .off { metrics.gauge(.clusterServerUp).set(state.isUp ? 1.0 : 0.0) }
            if let store = cluster.store { metrics.gauge(.clusterStoreUp).set(store.isUp ? 1.0 : 0.0) }
            for (result, count) in cluster.hints { metrics.gauge(.clusterHints, result).set(Double(count)) }
        }
    }
}
