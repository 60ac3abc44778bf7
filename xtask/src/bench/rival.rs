//! What the REST API is measured against: the least that a server with the same library can do. No
//! authentication, no validation, a constant for an answer, and for writes the same database with the same
//! promise: SQLite, `synchronous=FULL`, whatever is queued in one commit.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Router, serve as serve_router};
use rusqlite::Connection;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How the program is asked to be the rival instead: `xtask bench rival DIRECTORY`.
pub(crate) const NAME: &str = "rival";
/// Most rows of a commit.
const GROUP_MAX: usize = 512;
/// As large as a domain's JSON.
const BODY_BYTES: usize = 1000;

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credential {
    username: String,
    password: String,
}

type Job = (Credential, oneshot::Sender<i64>);

/// Serves until it is killed; says its address in the first line.
pub(crate) fn serve(directory: &str) -> Result<(), String> {
    let connection = open(Path::new(directory)).map_err(|error| error.to_string())?;
    let (jobs, queue) = mpsc::channel();
    thread::spawn(move || write_all(&connection, &queue));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(listen(jobs)).map_err(|error| error.to_string())
}

async fn listen(jobs: Sender<Job>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/get", get(|| async { answer(StatusCode::OK, 7) }))
        .route("/post", post(create))
        .with_state(jobs);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    serve_router(listener, router).await
}

async fn create(State(jobs): State<Sender<Job>>, Form(new): Form<Credential>) -> impl IntoResponse {
    let (reply, stored) = oneshot::channel();
    // The writer lives as long as the process.
    let _ = jobs.send((new, reply));
    answer(StatusCode::CREATED, stored.await.unwrap_or_default())
}

fn answer(status: StatusCode, id: i64) -> impl IntoResponse {
    let body = format!("{{\"sid\": \"CR{id:032x}\", \"pad\": \"{}\"}}", "x".repeat(BODY_BYTES - 60));
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

fn open(directory: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(directory.join("rival.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE credentials (id INTEGER PRIMARY KEY, username TEXT NOT NULL, password TEXT NOT NULL);",
    )?;
    Ok(connection)
}

fn write_all(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(GROUP_MAX - 1)).collect();
        match commit(connection, &group) {
            Ok(ids) => {
                for ((_, reply), id) in group.into_iter().zip(ids) {
                    let _ = reply.send(id);
                }
            }
            Err(error) => panic!("the rival cannot write: {error}"),
        }
    }
}

fn commit(connection: &Connection, group: &[Job]) -> rusqlite::Result<Vec<i64>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut insert =
        connection.prepare_cached("INSERT INTO credentials (username, password) VALUES (?, ?)")?;
    let ids = group.iter().map(|(new, _)| {
        insert.execute([&new.username, &new.password])?;
        Ok(connection.last_insert_rowid())
    });
    let ids = ids.collect::<rusqlite::Result<_>>()?;
    connection.execute_batch("COMMIT")?;
    Ok(ids)
}
