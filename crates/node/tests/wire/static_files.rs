//! Static files: caching, ranges, directories and path traversal.

use crate::router::router;
use crate::support::{HttpResponse, TIMEOUT};

fn is_cached(answer: &HttpResponse) -> bool {
    answer.header("last-modified").is_some() && answer.header("etag").is_some()
}

#[test]
fn file_response_has_the_headers_for_caching() {
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
fn conditional_request_for_an_unchanged_file_gets_304() {
    let node = router();
    let mut http = node.http();
    let etag = http.get("/page.txt").header("etag").expect("an ETag").to_owned();
    for condition in [
        format!("If-None-Match: {etag}"),
        "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT".to_owned(),
    ] {
        let answer = http
            .request(&format!("GET /page.txt HTTP/1.1\r\nHost: localhost\r\n{condition}\r\n\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (304, ""), "with {condition}");
        assert_eq!(answer.header("cache-control"), Some("max-age=60"), "with {condition}");
        assert!(is_cached(&answer), "with {condition}");
    }
}

#[test]
fn range_request_gets_a_part_of_the_file() {
    let node = router();
    let mut http = node.http();
    for (range, status, content_range, body) in [
        ("bytes=2-3", 206, "bytes 2-3/6", "pa"),
        ("Bytes=2-3", 206, "bytes 2-3/6", "pa"),
        ("bytes=02-0003", 206, "bytes 2-3/6", "pa"),
        ("bytes=-2", 206, "bytes 4-5/6", "ge"),
        ("bytes=-6", 206, "bytes 0-5/6", "a page"),
        ("bytes=-999", 206, "bytes 0-5/6", "a page"),
        ("bytes=-99999999999999999999999", 206, "bytes 0-5/6", "a page"),
        ("bytes=2-99999999999999999999999", 206, "bytes 2-5/6", "page"),
        ("bytes=200-300", 416, "bytes */6", ""),
        ("bytes=6-", 416, "bytes */6", ""),
        ("bytes=-0", 416, "bytes */6", ""),
    ] {
        let answer = http.request(&format!(
            "GET /page.txt HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n"
        ));
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{range}");
        assert_eq!(answer.header("content-range"), Some(content_range), "{range}");
    }
}

/// RFC 9110 sections 14.1.2 and 14.2.
#[test]
fn range_that_does_not_apply_is_ignored() {
    let node = router();
    let mut http = node.http();
    for (path, range, body) in [
        ("/page.txt", "items=0-1", "a page"),
        ("/page.txt", "bytes", "a page"),
        ("/empty.txt", "bytes=-5", ""),
        ("/empty.txt", "bytes=0-", ""),
    ] {
        let answer = http
            .request(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{range} of {path}");
        assert_eq!(answer.header("content-range"), None, "{range} of {path}");
    }
    http.send("HEAD /page.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=2-3\r\nConnection: close\r\n\r\n");
    let head = http.into_stream().receive_all(TIMEOUT);
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: 6\r\n"), "{head}");
}

/// RFC 9110 section 13.1.5.
#[test]
fn range_applies_only_if_if_range_matches_the_file() {
    let node = router();
    let mut http = node.http();
    let whole = http.get("/page.txt");
    let [etag, date] = ["etag", "last-modified"].map(|name| whole.header(name).expect("a header"));
    let mut ask = |range: &str, validators: &[&str]| {
        let conditions: String =
            validators.iter().map(|value| format!("If-Range: {value}\r\n")).collect();
        let answer = http.request(&format!(
            "GET /page.txt HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n{conditions}\r\n"
        ));
        (answer.status, answer.text())
    };
    for validator in [etag, date] {
        assert_eq!(ask("bytes=2-3", &[validator]), (206, "pa".to_owned()), "{validator}");
        assert_eq!(ask("bytes=-999", &[validator]), (206, "a page".to_owned()), "{validator}");
        assert_eq!(ask("bytes=200-", &[validator]), (416, String::new()), "{validator}");
    }
    let weak = format!("W/{etag}");
    let (other, old) = ("\"other\"", "Fri, 01 Jan 2010 00:00:00 GMT");
    for validators in [&[weak.as_str()][..], &[other], &[old], &[""], &[etag, other]] {
        for range in ["bytes=2-3", "bytes=-999", "bytes=200-"] {
            assert_eq!(ask(range, validators), (200, "a page".to_owned()), "{validators:?}");
        }
    }
}

#[test]
fn directory_without_trailing_slash_is_redirected() {
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
fn paths_out_of_the_directory_are_not_found() {
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
