//! Whom an intercepted program is told to trust: a certificate authority of this machine that can vouch for the
//! hosted names and nothing else. It is never installed: programs are pointed at its file.

mod authority;
mod bundle;
mod identity;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use authority::{Authority, CERTIFICATE_FILE};
pub(crate) use bundle::write as write_bundle;
pub(crate) use identity::Identity;

/// Below the data directory.
const DIRECTORY: &str = "trust";

/// What `ringway trust` does.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustAction {
    /// Print where its certificate is, for which hosts, and how long it is valid.
    Show {
        /// The directory it is kept in, in `trust`.
        #[arg(long, env = "RINGWAY_DATA_DIR", value_name = "DIR", default_value = "ringway-data")]
        data_dir: PathBuf,
    },
    /// Delete it, its key, and the files that programs were told to trust.
    Remove {
        /// The directory it is kept in, in `trust`.
        #[arg(long, env = "RINGWAY_DATA_DIR", value_name = "DIR", default_value = "ringway-data")]
        data_dir: PathBuf,
    },
}

/// Does it.
pub(crate) fn run(action: &TrustAction) -> Result<ExitCode, String> {
    match action {
        TrustAction::Show { data_dir } => show(&directory(data_dir)),
        TrustAction::Remove { data_dir } => remove(&directory(data_dir)),
    }
    .map_err(|error| error.to_string())
}

/// Why there is nothing to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// A file cannot be read, written or removed.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others on this machine may read the key.
    #[error(
        "{path} may be read by others; whoever has it can pose as the hosted service. \
         `ringway trust remove` removes it",
        path = .0.display()
    )]
    Readable(PathBuf),
    /// The file is not what is made here: it may vouch for any host.
    #[error(
        "{path} is not limited to the hosted names, or no certificate at all; \
         `ringway trust remove` removes it",
        path = .0.display()
    )]
    Foreign(PathBuf),
    /// Nothing was made yet.
    #[error(
        "{path} does not exist; `ringway exec` and `ringway serve --intercept` make it",
        path = .0.display()
    )]
    Absent(PathBuf),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Made(#[from] rcgen::Error),
    /// A certificate could not be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl TrustError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Where the authority of a data directory lives.
pub(crate) fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join(DIRECTORY)
}

fn show(directory: &Path) -> Result<ExitCode, TrustError> {
    let authority = Authority::load(directory)?;
    println!("certificate  {}", directory.join(CERTIFICATE_FILE).display());
    println!("SHA-256      {}", authority.fingerprint());
    println!("valid until  {}", authority.not_after().date());
    println!("hosts        {}, and no others", ringway_rest::HOSTED.join(", "));
    Ok(ExitCode::SUCCESS)
}

fn remove(directory: &Path) -> Result<ExitCode, TrustError> {
    match std::fs::remove_dir_all(directory) {
        Ok(()) => println!(
            "removed {}; a server that runs with --intercept keeps its copy until it is started again",
            directory.display()
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("{} does not exist; nothing to remove", directory.display());
        }
        Err(error) => return Err(TrustError::file(directory)(error)),
    }
    Ok(ExitCode::SUCCESS)
}
