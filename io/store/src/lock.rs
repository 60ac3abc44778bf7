//! One process a data directory. The kernel holds the lock, so it goes with the process however that ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::OpenError;

/// Held for as long as the data directory is ours.
#[derive(Debug)]
pub(crate) struct DataDirectoryLock(#[expect(dead_code, reason = "closing the file gives up the lock")] File);

/// Takes `DATA_DIR/lock`, or says who has it.
pub(crate) fn lock(data_dir: &Path) -> Result<DataDirectoryLock, OpenError> {
    let path = data_dir.join("lock");
    let failed = |source| OpenError::File { path: path.clone(), source };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(OpenError::InUse { path: data_dir.to_owned(), pid: holder(&mut file) });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    write_holder(&mut file).map_err(failed)?;
    Ok(DataDirectoryLock(file))
}

/// The number is a help to the reader of the message, nothing relies on it.
fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
