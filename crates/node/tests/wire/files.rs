//! Static files: what a browser may keep, parts of them, directories, and no way out of them.

use crate::lab::Response;
use crate::router::router;

fn is_cached(answer: &Response) -> bool {
    answer.header("last-modified").is_some() && answer.header("etag").is_some()
}

#[test]
fn a_file_comes_with_what_a_browser_needs_to_keep_it() {
    let node = router();
    let mut http = node.http();
    for (path, media_type, cache, body) in [
        ("/", "text/html", "max-age=60", "<h1>front</h1>"),
        ("/page.txt?version=2", "text/plain", "max-age=60", "a page"),
        ("/files/page.txt", "text/plain", "max-age=43200", "a page"),
        ("/files/below/", "text/html", "max-age=43200", "<h1>below</h1>"),
    ] {
        let answer = http.get(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "at {path}");
        assert_eq!(answer.header("content-type"), Some(media_type), "at {path}");
        assert_eq!(answer.header("cache-control"), Some(cache), "at {path}");
        assert!(is_cached(&answer), "at {path}");
    }
}

#[test]
fn what_a_browser_has_already_is_not_sent_again() {
    let node = router();
    let mut http = node.http();
    let etag = http.get("/page.txt").header("etag").expect("an ETag").to_owned();
    for condition in [
        format!("If-None-Match: {etag}"),
        "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT".to_owned(),
    ] {
        let answer =
            http.ask(&format!("GET /page.txt HTTP/1.1\r\nHost: localhost\r\n{condition}\r\n\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (304, ""), "with {condition}");
        assert_eq!(answer.header("cache-control"), Some("max-age=60"), "with {condition}");
        assert!(is_cached(&answer), "with {condition}");
    }
}

#[test]
fn a_part_of_a_file_may_be_asked_for() {
    let node = router();
    let mut http = node.http();
    for (range, status, content_range, body) in [
        ("bytes=2-3", 206, "bytes 2-3/6", "pa"),
        ("bytes=-2", 206, "bytes 4-5/6", "ge"),
        ("bytes=200-300", 416, "bytes */6", ""),
    ] {
        let answer = http
            .ask(&format!("GET /page.txt HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{range}");
        assert_eq!(answer.header("content-range"), Some(content_range), "{range}");
    }
}

#[test]
fn a_directory_is_named_with_its_slash() {
    let node = router();
    let mut http = node.http();
    for (path, location) in
        [("/below", "/below/"), ("/files/below", "/files/below/"), ("//below", "/below/")]
    {
        let answer = http.get(path);
        let expected = format!(
            "307\nlocation: {location}\naccess-control-allow-origin: *\ncontent-length: 0\n\n"
        );
        assert_eq!(answer.to_string(), expected, "at {path}");
    }
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let node = router();
    let mut http = node.http();
    for path in [
        "/../config.json",
        "/%2e%2e/config.json",
        "/..%2fconfig.json",
        "/below/../../config.json",
        "/files/../../config.json",
        "/files/%2e%2e%2fconfig.json",
        "/files//etc/passwd",
        "/%2fetc%2fpasswd",
        "/%00",
        "/nothing.html",
    ] {
        let expected = "404\naccess-control-allow-origin: *\ncontent-length: 0\n\n";
        assert_eq!(http.get(path).to_string(), expected, "at {path}");
    }
}
