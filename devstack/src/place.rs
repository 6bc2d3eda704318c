//! Where a part keeps its files: a folder under a lock, short enough and open enough for the program that works in it.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::Error;

/// Where root keeps the clusters of checkouts and data folders that the database's own user cannot reach.
const SYSTEM_STATE: &str = "/var/lib/souk";

/// The exclusive hold on a data folder; released when dropped, and by the kernel when the process dies.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes the folder if it is not there and locks it against every other process, and every other lock in this one.
    ///
    /// # Errors
    /// [`Error::Busy`] when someone else holds it, [`Error::Io`] when it cannot be made.
    pub fn acquire(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let path = dir.join("lock");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy(dir.to_path_buf())),
            Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
        }
    }
}

/// The locked folder of one part. Dropping it releases the lock and then, if it was made for this part alone, removes it.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    _lock: DirLock,
    _throw_away: Option<tempfile::TempDir>,
}

impl Home {
    /// Opens `dir`, or a new folder for `None`; for a part that runs as another system user, where that user can reach it.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Folder`] and [`Error::Io`].
    pub(crate) fn open(dir: Option<&Path>, for_other_user: bool) -> Result<Self, Error> {
        let (path, throw_away) = match dir {
            None => {
                let made = throw_away()?;
                (made.path().to_path_buf(), Some(made))
            }
            Some(dir) => {
                fs::create_dir_all(dir).map_err(Error::io(dir))?;
                (
                    if for_other_user {
                        home_for_other_user(dir)?
                    } else {
                        dir.to_path_buf()
                    },
                    None,
                )
            }
        };
        // Without links: parts run in this folder, and are recognised by the folder that they run in.
        let path = path.canonicalize().map_err(Error::io(&path))?;
        let lock = DirLock::acquire(&path)?;
        Ok(Self {
            path,
            _lock: lock,
            _throw_away: throw_away,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Whether a user who is neither the owner nor in the group of anything on the way can reach `dir`: every folder above it that exists,
/// and itself, lets others pass.
fn open_to_others(dir: &Path) -> bool {
    const OTHERS_MAY_PASS: u32 = 0o001;
    dir.ancestors()
        .filter_map(|folder| fs::metadata(folder).ok())
        .all(|metadata| metadata.permissions().mode() & OTHERS_MAY_PASS != 0)
}

/// The folder for a part that runs as another system user. `dir` itself where that user can reach it; otherwise one below
/// `/var/lib/souk`, to which the link `dir/home` points. Without the link, what lies there belongs to a data folder that is gone, and
/// is cleared away: state must not outlive the folder that the person sees.
///
/// # Errors
/// [`Error::Folder`] when the place outside is not root's own, [`Error::Io`].
fn home_for_other_user(dir: &Path) -> Result<PathBuf, Error> {
    let dir = dir.canonicalize().map_err(Error::io(dir))?;
    if open_to_others(&dir) {
        return Ok(dir);
    }
    let link = dir.join("home");
    if let Ok(home) = fs::read_link(&link) {
        fs::create_dir_all(&home).map_err(Error::io(&home))?;
        return Ok(home);
    }
    let home = Path::new(SYSTEM_STATE).join(flat_name(&dir));
    if home.exists() {
        // Under its lock, so that a live instance is never cleared away.
        let _lock = DirLock::acquire(&home)?;
        fs::remove_dir_all(&home).map_err(Error::io(&home))?;
    }
    fs::create_dir_all(&home).map_err(Error::io(&home))?;
    for folder in [Path::new(SYSTEM_STATE), &home] {
        let metadata = fs::metadata(folder).map_err(Error::io(folder))?;
        if metadata.uid() != 0 {
            let problem = "belongs to someone else than root: remove it, or choose another data folder".into();
            return Err(Error::Folder {
                path: folder.to_path_buf(),
                problem,
            });
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(Error::io(folder))?;
    }
    std::os::unix::fs::symlink(&home, &link).map_err(Error::io(&link))?;
    Ok(home)
}

/// A path as one file name: `/root/souk/.souk/postgres` → `root-souk-.souk-postgres`.
fn flat_name(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    parts.join("-")
}

/// A new folder for a throw-away part, reachable by every user and removed when dropped.
///
/// # Errors
/// [`Error::Io`] when none can be made.
pub(crate) fn throw_away() -> Result<tempfile::TempDir, Error> {
    let temporary = std::env::temp_dir();
    let parent = if open_to_others(&temporary) {
        temporary
    } else {
        PathBuf::from("/tmp")
    };
    tempfile::Builder::new()
        .prefix("souk-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(&parent)
        .map_err(Error::io(&parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_the_second_out_until_the_first_is_gone() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = DirLock::acquire(dir.path()).expect("nobody holds it");
        assert!(matches!(DirLock::acquire(dir.path()), Err(Error::Busy(_))));
        drop(first);
        DirLock::acquire(dir.path()).expect("released");
    }

    #[test]
    fn tells_a_closed_folder_from_an_open_one() {
        let open = throw_away().expect("a folder");
        assert!(open_to_others(open.path()));
        let inner = open.path().join("closed/inner");
        fs::create_dir_all(&inner).expect("made");
        fs::set_permissions(open.path().join("closed"), fs::Permissions::from_mode(0o700)).expect("closed");
        assert!(!open_to_others(&inner));
        assert!(!open_to_others(&inner.join("not/there/yet")));
    }

    #[test]
    fn flat_names_are_one_component() {
        assert_eq!(
            flat_name(Path::new("/root/souk/.souk/postgres")),
            "root-souk-.souk-postgres"
        );
    }
}
