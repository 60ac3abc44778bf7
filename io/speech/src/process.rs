//! Running a program: text in, bytes out, bounded in time and size.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::SpeechError;

/// Runs `program` with `input` on its standard input and returns what it wrote, at most `bytes_max` of it.
/// The
/// process dies with this future.
pub(crate) async fn run(
    program: &Path,
    arguments: &[&str],
    input: &str,
    limit: Duration,
    bytes_max: usize,
) -> Result<Vec<u8>, SpeechError> {
    let child = spawn(program, arguments)?;
    match timeout(limit, converse(child, input, bytes_max)).await {
        Ok(result) => result,
        Err(_) => {
            Err(SpeechError::Timeout { limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) })
        }
    }
}

/// Output as text, for lists and messages.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn spawn(program: &Path, arguments: &[&str]) -> Result<Child, SpeechError> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                SpeechError::Absent { program: program.display().to_string(), detail: error.to_string() }
            }
            _ => SpeechError::Failed(error.to_string()),
        })
}

async fn converse(mut child: Child, input: &str, bytes_max: usize) -> Result<Vec<u8>, SpeechError> {
    let failed = |error: io::Error| SpeechError::Failed(error.to_string());
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read to the end has closed its input; what it wrote still counts.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let read = async {
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(bytes_max as u64).read_to_end(&mut output).await?;
        }
        Ok::<_, io::Error>(output)
    };
    // Both at once: a full pipe in either direction must not stop the other.
    let ((), output) = tokio::join!(write, read);
    let output = output.map_err(failed)?;
    if output.len() >= bytes_max {
        return Ok(output);
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() { Ok(output) } else { Err(SpeechError::Failed(format!("it ended with {status}"))) }
}
