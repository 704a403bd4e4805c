//! The Dockerfile fits the workspace. An image is built where there is a container engine (`make image`).

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).unwrap()
}

/// What follows an instruction of the Dockerfile, one entry each time.
fn instructions<'a>(dockerfile: &'a str, name: &str) -> Vec<&'a str> {
    dockerfile.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim).collect()
}

#[test]
fn it_builds_with_the_pinned_toolchain_for_the_glibc_of_its_base() {
    let (dockerfile, toolchain) = (read("Dockerfile"), read("rust-toolchain.toml"));
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    let stages = instructions(&dockerfile, "FROM ");
    // Debian 13 is called trixie.
    assert_eq!(stages, [&format!("rust:{channel}-trixie AS build"), "gcr.io/distroless/cc-debian13:nonroot"]);
}

#[test]
fn it_copies_what_is_there_and_builds_the_binary_that_cargo_builds() {
    let dockerfile = read("Dockerfile");
    assert_eq!(instructions(&dockerfile, "COPY "), [". .", "--from=build /out/sluice /sluice"]);
    assert!(dockerfile.contains("cargo build --release --locked -p sluice &&"));
    assert!(dockerfile.contains("install -D --mode=0755 target/release/sluice /out/sluice"));
    assert_eq!(instructions(&dockerfile, "ENTRYPOINT "), [r#"["/sluice"]"#]);
}

/// Cargo compares times, and the cache is older or newer than a checkout as it happens.
#[test]
fn nothing_of_ours_that_the_cache_holds_of_another_checkout_is_taken() {
    let dockerfile = read("Dockerfile");
    let (before, _) = dockerfile.split_once("cargo build").unwrap();
    let ours: Vec<_> = context().into_iter().filter(|path| path != "tests" && !path.ends_with(".toml")).collect();
    let ours: Vec<_> = ours.iter().map(String::as_str).filter(|path| *path != "Cargo.lock").collect();
    assert!(before.contains(&format!("find {} -type f -exec touch {{}} +", ours.join(" "))), "{ours:?}");
    assert!(before.contains("--mount=type=cache,id=sluice-target-$TARGETPLATFORM,target=/src/target,sharing=locked"));
    assert!(before.contains("ARG TARGETPLATFORM\n"), "without it the id is the same for every platform");
}

/// The paths that .dockerignore lets in.
fn context() -> Vec<String> {
    let ignore = read(".dockerignore");
    let mut lines = ignore.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"), "everything is left out but what is named");
    lines.filter_map(|line| line.strip_prefix('!')).map(str::to_owned).collect()
}

#[test]
fn cargo_finds_the_whole_workspace_in_what_is_sent_to_the_builder() {
    let place = std::env::temp_dir().join(format!("sluice-image-{}", std::process::id()));
    fs::create_dir(&place).unwrap();
    for path in context() {
        std::os::unix::fs::symlink(workspace().join(&path), place.join(&path)).unwrap();
        assert!(place.join(&path).exists(), "{path} is let in and not there");
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(&place)
        .output();
    fs::remove_dir_all(&place).unwrap();
    let cargo = cargo.unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}

/// Every file below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn what_the_crates_include_is_sent_too() {
    let mut sources = Vec::new();
    files(&workspace().join("crates"), &mut sources);
    for source in sources.iter().filter(|source| source.extension().is_some_and(|it| it == "rs")) {
        let text = fs::read_to_string(source).unwrap();
        for macro_ in ["include_str!(\"", "include_bytes!(\""] {
            for rest in text.split(macro_).skip(1) {
                let Some((path, _)) = rest.split_once('"') else { continue };
                let Ok(included) = source.parent().unwrap().join(path).canonicalize() else { continue };
                let inside = included.strip_prefix(workspace()).unwrap().to_owned();
                assert!(context().iter().any(|sent| inside.starts_with(sent)), "{} needs {path}", source.display());
            }
        }
    }
}
