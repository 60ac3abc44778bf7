//! `ringway token show`.

use std::path::PathBuf;
use std::process::ExitCode;

use ringway_store::root_account_of;

/// Prints the root account's SID and token; the service may be running.
pub(crate) fn show(data_dir: PathBuf, key_file: Option<PathBuf>) -> Result<ExitCode, String> {
    let account = root_account_of(&data_dir, key_file.as_deref()).map_err(|error| error.to_string())?;
    let account = account.ok_or_else(|| {
        format!("{} holds no account yet; `ringway serve` makes one at its first start", data_dir.display())
    })?;
    println!("account     {}", account.sid);
    println!("auth token  {}", account.auth_token.expose());
    Ok(ExitCode::SUCCESS)
}
