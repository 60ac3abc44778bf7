//! What operators and their monitoring ask: health, metrics, why calls were turned away, and who is banned.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
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
        .route("/bans", get(bans))
        .route("/bans/{address}", delete(lift_ban))
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
    json(&serde_json::json!({ "refusals": list }))
}

/// Who is banned now, why, and until when.
async fn bans(State(admin): State<Admin>) -> Response {
    let list: Vec<_> = admin.engine.bans().iter().map(ban_json).collect();
    json(&serde_json::json!({ "bans": list }))
}

/// Ends the ban of an address.
async fn lift_ban(State(admin): State<Admin>, Path(address): Path<String>) -> Response {
    let Ok(address) = address.parse::<IpAddr>() else {
        return (StatusCode::BAD_REQUEST, "the path must end with an IP address\n").into_response();
    };
    match admin.engine.lift_ban(address) {
        true => StatusCode::NO_CONTENT.into_response(),
        false => (StatusCode::NOT_FOUND, "this address is not banned\n").into_response(),
    }
}

fn json(body: &serde_json::Value) -> Response {
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap_or_default()
}

fn ban_json(ban: &ringway_engine::Ban) -> serde_json::Value {
    serde_json::json!({
        "source": ban.source.to_string(),
        "reason": ban.reason.as_str(),
        "evidence": ban.evidence,
        "since": ban.since.iso8601(),
        "until": ban.until.iso8601(),
        "offences": ban.offences,
    })
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
