//! Static files: dotfiles, symbolic links, default files, media types and cross-origin access.

use std::fs;
use std::os::unix::fs::symlink;

use crate::router::CLOVERLEAF;
use crate::support::{NodeProcess, TempDirectory};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "transports": [{"type": "web",
    "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
    "paths": {
      "/": {"type": "static", "directory": "web"},
      "linked": {"type": "static", "directory": "web", "options": {"follow_symlinks": true}},
      "dotted": {"type": "static", "directory": "web", "options": {"dotfiles": true}},
      "private": {"type": "static", "directory": "web", "options": {"allow_cross_origin": false}},
      "current": {"type": "static", "directory": "current"},
      "app": {"type": "static", "directory": "app", "options": {
        "default_file": "the app.html", "mime_types": {".js": "text/a", ".min.js": "text/b"}}},
      "value": {"type": "json", "value": 1},
      "own": {"type": "json", "value": 1, "options": {"allow_cross_origin": false}}
    }}]}]}"#;

/// A node with its files:
///
/// - `web/out` is a link to a directory outside, `web/out.txt` one to a file there,
/// - `web/inside` and `web/inside.txt` are links within the directory, `web/absolute` one by its
///   absolute path, `web/volume.txt` one by way of a directory whose name begins with dots, as
///   mounted volumes of Kubernetes have it,
/// - `web/indexed` is a directory whose index is a link to the outside.
fn node() -> NodeProcess {
    let directory = TempDirectory::new();
    directory.write("outside/secret.txt", "secret");
    directory.write("outside/index.html", "outside");
    for (name, text) in [
        ("index.html", "front"),
        ("page.txt", "page"),
        ("sub/index.html", "sub"),
        (".env", "PASSWORD"),
        (".git/config", "git"),
        ("sub/.htpasswd", "passwords"),
        (".well-known/security.txt", "contact"),
        (".well-known/.secret", "secret"),
        ("sub/.well-known/x", "x"),
        ("..data-1/volume.txt", "volume"),
        ("indexed/other.txt", "other"),
        ("a/ü.txt", "umlaut"),
    ] {
        directory.write(&format!("web/{name}"), text);
    }
    directory.write("app/the app.html", "app");
    directory.write("app/a.js", "a");
    directory.write("app/a.min.js", "b");
    directory.write("app/short/index.htm", "short");
    directory.write("app/shortest/index", "shortest");
    directory.write("app/empty/x.txt", "x");
    directory.write("releases/1/index.html", "release 1");
    directory.write("releases/2/index.html", "release 2");
    let root = directory.path().canonicalize().expect("a path");
    for (target, link) in [
        ("../outside", "web/out"),
        ("../outside/secret.txt", "web/out.txt"),
        ("sub", "web/inside"),
        ("sub/index.html", "web/inside.txt"),
        ("..data-1", "web/..data"),
        ("..data/volume.txt", "web/volume.txt"),
        ("../../outside/index.html", "web/indexed/index.html"),
        ("loop", "web/loop"),
        ("nowhere", "web/broken"),
        ("releases/1", "current"),
    ] {
        symlink(target, root.join(link)).expect("a link");
    }
    symlink(root.join("web/page.txt"), root.join("web/absolute")).expect("a link");
    NodeProcess::start_in(CLOVERLEAF, directory, CONFIG)
}

const NOT_FOUND: &str = "404\naccess-control-allow-origin: *\ncontent-length: 0\n\n";

/// Sends GET and HEAD, asserts that their statuses agree, and returns the status and the body.
fn get(node: &NodeProcess, path: &str) -> (u16, String) {
    let mut http = node.http();
    let answer = http.get(path);
    let mut http = node.http();
    http.send(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let mut stream = http.into_stream();
    let head = stream.receive_all(std::time::Duration::from_secs(30));
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = format!("HTTP/1.1 {}", answer.status);
    assert!(head.starts_with(&status), "HEAD {path}: {head}; GET: {answer}");
    (answer.status, answer.text())
}

fn found(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

#[test]
fn symlink_out_of_the_directory_is_not_found() {
    let node = node();
    for path in [
        "/out.txt",
        "/out/secret.txt",
        "/out/",
        "/out",
        "/out/index.html",
        "/%6fut/secret.txt",
        "/sub/../out.txt",
        "//out/secret.txt",
        "/out.txt/",
        "/indexed/",
        "/indexed/index.html",
        "/loop",
        "/loop/",
        "/broken",
    ] {
        assert_eq!(node.http().get(path).to_string(), NOT_FOUND, "at {path}");
        assert_eq!(get(&node, path).0, 404, "at {path}");
    }
    // Other files of the directory are served.
    assert_eq!(get(&node, "/indexed/other.txt"), found("other"));
}

#[test]
fn symlink_within_the_directory_is_followed() {
    let node = node();
    for (path, text) in [
        ("/inside.txt", "sub"),
        ("/inside/", "sub"),
        ("/inside/index.html", "sub"),
        ("/absolute", "page"),
        ("/volume.txt", "volume"),
    ] {
        assert_eq!(get(&node, path), found(text), "at {path}");
    }
    assert_eq!(node.http().get("/inside").header("location"), Some("/inside/"));
}

#[test]
fn follow_symlinks_serves_symlinks_out_of_the_directory() {
    let node = node();
    for (path, text) in [
        ("/linked/out.txt", "secret"),
        ("/linked/out/secret.txt", "secret"),
        ("/linked/out/", "outside"),
        ("/linked/indexed/", "outside"),
        ("/linked/page.txt", "page"),
    ] {
        assert_eq!(get(&node, path), found(text), "at {path}");
    }
    for path in ["/linked/../outside/secret.txt", "/linked/.env", "/linked/loop", "/linked/broken"]
    {
        assert_eq!(get(&node, path).0, 404, "at {path}");
    }
}

#[test]
fn dotfiles_are_not_found() {
    let node = node();
    for path in [
        "/.env",
        "/%2eenv",
        "/%2Eenv",
        "/./.env",
        "/sub/../.env",
        "/.git/config",
        "/.git/",
        "/.git",
        "/sub/.htpasswd",
        "/.well-known/.secret",
        "/sub/.well-known/x",
        "/..data/volume.txt",
        "/..data-1/volume.txt",
    ] {
        assert_eq!(node.http().get(path).to_string(), NOT_FOUND, "at {path}");
        assert_eq!(get(&node, path).0, 404, "at {path}");
    }
}

#[test]
fn well_known_directory_is_served() {
    let node = node();
    assert_eq!(get(&node, "/.well-known/security.txt"), found("contact"));
    assert_eq!(get(&node, "/%2ewell-known/security.txt"), found("contact"));
}

#[test]
fn dotfiles_option_serves_dotfiles() {
    let node = node();
    for (path, text) in [
        ("/dotted/.env", "PASSWORD"),
        ("/dotted/.git/config", "git"),
        ("/dotted/.well-known/.secret", "secret"),
        ("/dotted/..data/volume.txt", "volume"),
    ] {
        assert_eq!(get(&node, path), found(text), "at {path}");
    }
    for path in ["/dotted/../config.json", "/dotted/%2e%2e/config.json", "/dotted/out.txt"] {
        assert_eq!(get(&node, path).0, 404, "at {path}");
    }
}

#[test]
fn symlinked_root_directory_may_change_its_target() {
    let node = node();
    assert_eq!(get(&node, "/current/"), found("release 1"));
    let current = node.directory().path().join("current");
    let next = node.directory().path().join("next");
    symlink("releases/2", &next).expect("a link");
    fs::rename(&next, &current).expect("a renamed link");
    assert_eq!(get(&node, "/current/"), found("release 2"));
}

#[test]
fn paths_that_cannot_be_files_are_not_found() {
    let node = node();
    let long = format!("/{}", "x".repeat(300));
    let deep = "/a".repeat(3_000);
    for path in ["/%00", "/page.txt%00.html", "/page.txt/", "/page.txt/x", "/%ff", &long, &deep] {
        assert_eq!(node.http().get(path).status, 404, "at {path}");
    }
    assert_eq!(get(&node, "/a/%C3%BC.txt"), found("umlaut"));
}

/// Opening a named pipe blocks until another process writes to it.
#[test]
fn named_pipe_is_not_found() {
    let node = node();
    let pipe = node.directory().path().join("web/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for path in ["/pipe", "/linked/pipe"] {
        assert_eq!(get(&node, path).0, 404, "at {path}");
    }
}

#[test]
fn default_file_is_served_for_missing_paths() {
    let node = node();
    for path in ["/app/", "/app/deep/link", "/app/empty/", "/app/.env", "/app/missing.js?x=1"] {
        let answer = node.http().get(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, "app"), "at {path}");
        assert_eq!(answer.header("content-type"), Some("text/html"), "at {path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "at {path}");
        assert_eq!(get(&node, path), found("app"));
    }
    let refused = node.http().request("DELETE /app/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")));
}

#[test]
fn index_htm_and_index_are_served_where_the_default_file_is_missing() {
    let node = node();
    for (path, text) in [("/app/short/", "short"), ("/app/shortest/", "shortest")] {
        let answer = node.http().get(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, text), "at {path}");
        assert_eq!(answer.header("content-type"), Some("text/html"), "at {path}");
        assert_eq!(answer.header("cache-control"), Some("max-age=43200"), "at {path}");
    }
}

#[test]
fn longest_extension_determines_the_media_type() {
    let node = node();
    for (path, media_type) in [("/app/a.js", "text/a"), ("/app/a.min.js", "text/b")] {
        assert_eq!(node.http().get(path).header("content-type"), Some(media_type));
    }
}

#[test]
fn files_and_json_values_allow_all_origins_unless_allow_cross_origin_is_false() {
    let node = node();
    for (path, status, allowed) in [
        ("/page.txt", 200, Some("*")),
        ("/sub", 307, Some("*")),
        ("/missing", 404, Some("*")),
        ("/value", 200, Some("*")),
        ("/private/page.txt", 200, None),
        ("/private/missing", 404, None),
        ("/own", 200, None),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nOrigin: https://page.example\r\n\r\n");
        let answer = node.http().request(&request);
        assert_eq!(answer.status, status, "at {path}");
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "at {path}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "at {path}");
    }
}
