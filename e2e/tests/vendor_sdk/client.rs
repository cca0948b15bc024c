//! The vendor's client as a process: `client.py` beside this file, a call a line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// The secret of the sandbox's application, as in the contract's worked example.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running client; it ends when this value is dropped.
pub struct VendorClient {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    site: String,
}

impl VendorClient {
    /// Starts the client for the site at `base_url`.
    pub fn start(base_url: &str) -> Self {
        let python = std::env::var("WEIR_KINGDEE_SDK").expect(
            "WEIR_KINGDEE_SDK names no Python; run `cargo xtask test -- -p weir-e2e --test vendor_sdk`",
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendor_sdk/client.py");
        let mut process = Command::new(python)
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output, site: format!("{base_url}/k3cloud/") }
    }

    /// Makes a call with the right secret; gives the answer's text.
    pub fn call_for_text(&mut self, method: &str, arguments: &Value) -> String {
        let told = self.call_as(SECRET, method, arguments);
        told["answer"].as_str().unwrap_or_else(|| panic!("{method}: {told}")).to_owned()
    }

    /// As [`VendorClient::call_for_text`], for answers that are JSON.
    pub fn call(&mut self, method: &str, arguments: &Value) -> Value {
        let text = self.call_for_text(method, arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method}: {error} in {text}"))
    }

    /// Makes a call with a secret; gives the client's `answer`, or the `error` it raised.
    pub fn call_as(&mut self, secret: &str, method: &str, arguments: &Value) -> Value {
        let account = json!({
            "acct_id": "65f0c0ffee0001", "user_name": "integration",
            "app_id": "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz", "app_secret": secret, "server_url": self.site,
        });
        self.call_of(&account, method, arguments)
    }

    /// Makes a call of an account; gives the client's `answer`, or the `error` it raised.
    pub fn call_of(&mut self, account: &Value, method: &str, arguments: &Value) -> Value {
        let call = json!({ "account": account, "method": method, "arguments": arguments });
        writeln!(self.input, "{call}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the client ended: {error} in `{line}`"))
    }
}

impl Drop for VendorClient {
    fn drop(&mut self) {
        // The process may have ended by itself; either way it is waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
