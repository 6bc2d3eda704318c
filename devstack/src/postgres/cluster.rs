//! Making a private cluster: whose it is, which server opens it, where its socket lies.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

use crate::Error;
use crate::process::run_helper;
use crate::tools::{in_path, postgres_bins};

/// The database superuser of every private cluster.
pub(super) const SUPERUSER: &str = "souk";

/// The system user that stands in for root.
const SYSTEM_USER: &str = "postgres";

/// Who runs the server: ourselves, or the system user when we are root.
pub(super) struct Owner {
    user: Option<User>,
}

impl Owner {
    pub(super) fn choose() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self { user: None });
        }
        let user = User::from_name(SYSTEM_USER).ok().flatten().ok_or(Error::Missing {
            what: "the system user postgres (package postgresql)",
            looked: "PostgreSQL refuses to run as root".into(),
        })?;
        Ok(Self { user: Some(user) })
    }

    pub(super) fn is_other(&self) -> bool {
        self.user.is_some()
    }

    /// The name of the system user that stands in for root.
    pub(super) fn system_user(&self) -> Option<String> {
        self.user.as_ref().map(|user| user.name.clone())
    }

    /// Makes a folder that the server's user alone may enter.
    fn make_private(&self, dir: &Path) -> Result<(), Error> {
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(Error::io(dir))?;
        if let Some(user) = &self.user {
            chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(Error::io(dir))?;
        }
        Ok(())
    }
}

/// The `bin` folder whose server can open the data: of the same major version if there is data, else the newest.
pub(super) fn server_for(data: &Path) -> Result<PathBuf, Error> {
    let bins = postgres_bins();
    let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) else {
        let looked = "/usr/lib/postgresql/*/bin, PATH".into();
        return bins.into_iter().next().ok_or(Error::Missing {
            what: "PostgreSQL's server",
            looked,
        });
    };
    let version = version.trim();
    let same = |bin: &PathBuf| {
        bin.parent()
            .and_then(Path::file_name)
            .is_some_and(|name| name == version)
    };
    let installed_elsewhere = |bin: &PathBuf| !bin.starts_with("/usr/lib/postgresql");
    bins.iter()
        .find(|bin| same(bin))
        .or_else(|| bins.iter().find(|bin| installed_elsewhere(bin)))
        .cloned()
        .ok_or_else(|| Error::Folder {
            path: data.to_path_buf(),
            problem: format!("was made by PostgreSQL {version}: install postgresql-{version}, or remove the folder"),
        })
}

/// Makes a new cluster beside `data` and moves it there, so that an interrupted attempt leaves nothing that looks like one.
pub(super) async fn initialise(bin: &Path, data: &Path, owner: &Owner, fsync: bool) -> Result<(), Error> {
    let fresh = data.with_extension("new");
    for leftover in [&fresh, &data.to_path_buf()] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).map_err(Error::io(leftover))?;
        }
    }
    owner.make_private(&fresh)?;
    let initdb = bin.join("initdb");
    let mut command = match &owner.user {
        None => tokio::process::Command::new(&initdb),
        Some(user) => {
            let setpriv = in_path("setpriv").ok_or_else(|| Error::Missing {
                what: "setpriv (package util-linux)",
                looked: "PATH".into(),
            })?;
            let mut command = tokio::process::Command::new(setpriv);
            command
                .args(["--reuid", &user.name, "--regid", &user.name, "--init-groups", "--"])
                .arg(&initdb);
            command
        }
    };
    command.current_dir(&fresh).arg("--pgdata").arg(&fresh).args([
        "--username",
        SUPERUSER,
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
    ]);
    if !fsync {
        command.arg("--no-sync");
    }
    run_helper("initdb", command).await?;
    fs::rename(&fresh, data).map_err(Error::io(data))
}

/// The folder of the Unix socket: in the home if its path is short enough for a socket address, else a new one in `/tmp`.
pub(super) fn socket_folder(home: &Path, owner: &Owner) -> Result<(PathBuf, Option<tempfile::TempDir>), Error> {
    const MAX_SOCKET_PATH_BYTES: usize = 107;
    let usual = home.join("s");
    let (folder, short) = if usual.join(".s.PGSQL.5432.lock").as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
        (usual, None)
    } else {
        let short = tempfile::Builder::new()
            .prefix("souk-")
            .tempdir_in("/tmp")
            .map_err(Error::io("/tmp"))?;
        (short.path().to_path_buf(), Some(short))
    };
    owner.make_private(&folder)?;
    Ok((folder, short))
}
