//! Metrics pages: Prometheus text and OpenMetrics.
