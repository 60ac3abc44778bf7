//! What operators and their monitoring ask: health, metrics, and why calls were turned away.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use metrics_exporter_prometheus::PrometheusHandle;
use ringway_engine::Engine;
use tokio::net::TcpListener;

/// Where the admin interface listens unless the operator says otherwise.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

#[derive(Clone)]
struct Admin {
    engine: Engine,
    metrics: PrometheusHandle,
}

/// Binds the chosen address; the default one gives way to a free port when it is taken.
pub(crate) async fn bind(chosen: Option<SocketAddr>) -> io::Result<TcpListener> {
    match chosen {
        Some(address) => TcpListener::bind(address).await,
        None => match TcpListener::bind(DEFAULT).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                TcpListener::bind(SocketAddr::new(DEFAULT.ip(), 0)).await
            }
            result => result,
        },
    }
}

/// Serves until the process ends.
pub(crate) async fn serve(
    listener: TcpListener,
    engine: Engine,
    metrics: PrometheusHandle,
) -> io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(render_metrics))
        .route("/refusals", get(refusals))
        .with_state(Admin { engine, metrics });
    axum::serve(listener, router).await
}

async fn health(State(admin): State<Admin>) -> Response {
    match admin.engine.health() {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn render_metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

/// The newest refusals, newest first: time, source, who called whom, and why not.
async fn refusals(State(admin): State<Admin>) -> Response {
    let list: Vec<_> = admin.engine.refusals().iter().map(refusal_json).collect();
    let body = serde_json::json!({ "refusals": list }).to_string();
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap_or_default()
}

fn refusal_json(refusal: &ringway_engine::RefusalRecord) -> serde_json::Value {
    serde_json::json!({
        "time": refusal.time.iso8601(),
        "source": refusal.source.to_string(),
        "method": refusal.method,
        "status": refusal.status,
        "code": refusal.code,
        "reason": refusal.reason,
        "domain_sid": refusal.domain_sid.map(|sid| sid.to_string()),
        "from": refusal.from,
        "to": refusal.to,
    })
}
