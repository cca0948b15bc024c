//! Puts the pages of `docs/errors` into the program, so that `weir dlq show` tells what a code means and what to do.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<(String, String)> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let code = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "md") && code != "README" {
            pages.push((code, fs::read_to_string(&path)?));
        }
    }
    pages.sort();
    let mut text = String::from("&[\n");
    for (code, page) in pages {
        writeln!(text, "    ({code:?}, {page:?}),")?;
    }
    text.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("errors.rs"), text)?;
    Ok(())
}
