//! Reading the files a user wrote; whatever keeps one from being read is a problem like any other, told beside the rest.

use std::{
    io::{Error, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use weir_model::settings::{Localized, Problems};

/// Far more than a flow with hundreds of columns takes; a device or a log named by mistake ends here.
const MAX_BYTES: u64 = 8 << 20;

/// The text of a file; `None` with a problem when there is none.
pub fn read(file: &Path, problems: &mut Problems) -> Option<String> {
    match text_of(file) {
        Ok(text) => Some(text),
        Err(error) => {
            let (message, suggestion) = explain(&error);
            problems.error_with("", message, suggestion);
            None
        }
    }
}

fn text_of(file: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = std::fs::File::open(file)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) {
        return Ok(text);
    }
    Err(ErrorKind::FileTooLarge.into())
}

/// The flow files among `paths`: a folder stands for its `*.yaml`, but for tests.
pub fn flow_files(paths: &[PathBuf], problems: &mut Problems) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut own = Problems::new(path.display().to_string());
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let entries = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
                let mut found: Vec<PathBuf> = entries.filter(|path| is_flow(path)).collect();
                found.sort();
                if found.is_empty() {
                    let message =
                        Localized::new("文件夹中没有流程文件", "there is no flow file in this folder");
                    let suggestion = Localized::new(
                        "流程文件的名称以 .yaml 结尾",
                        "the name of a flow file ends in .yaml",
                    );
                    own.error_with("", message, suggestion);
                }
                files.extend(found);
            }
            Err(error) => {
                let (message, suggestion) = explain(&error);
                own.error_with("", message, suggestion);
            }
        }
        problems.append(own);
    }
    files
}

fn is_flow(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    yaml && !name.contains(".test.")
}

/// What keeps a file from being read, and what to do about it.
fn explain(error: &Error) -> (Localized, Localized) {
    match error.kind() {
        ErrorKind::NotFound => (
            Localized::new("没有这个文件或文件夹", "no such file or folder"),
            Localized::new(
                "检查路径；相对路径从当前目录算起",
                "check the path; it counts from the current folder",
            ),
        ),
        ErrorKind::PermissionDenied => (
            Localized::new("没有读取权限", "may not be read"),
            Localized::new("给运行 weir 的用户读取权限", "let the user who runs weir read it"),
        ),
        ErrorKind::InvalidData => (
            Localized::new("不是 UTF-8 文本", "is no UTF-8 text"),
            Localized::new("用编辑器另存为 UTF-8", "save it as UTF-8"),
        ),
        ErrorKind::IsADirectory => (
            Localized::new("是文件夹，不是文件", "is a folder, no file"),
            Localized::new("写文件的路径", "name the file in it"),
        ),
        ErrorKind::FileTooLarge => {
            let limit = MAX_BYTES >> 20;
            (
                Localized::new(format!("超过 {limit} MiB"), format!("is larger than {limit} MiB")),
                Localized::new("检查是否选对了文件", "see whether it is the file that was meant"),
            )
        }
        _ => (
            Localized::new(format!("读取失败：{error}"), format!("cannot be read: {error}")),
            Localized::new("检查磁盘和路径", "check the disk and the path"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(file: &Path) -> String {
        let mut problems = Problems::new("f");
        assert_eq!(read(file, &mut problems), None);
        problems.list()[0].to_string()
    }

    #[test]
    fn what_cannot_be_read_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let gbk = folder.path().join("gbk.yaml");
        std::fs::write(&gbk, b"title: \xbf\xcd\xbb\xa7").unwrap();
        assert_eq!(said(&gbk), "f: is no UTF-8 text (save it as UTF-8)");
        assert!(said(folder.path()).starts_with("f: is a folder"), "{}", said(folder.path()));
        assert!(said(&folder.path().join("none")).starts_with("f: no such file"));
        let huge = folder.path().join("huge.yaml");
        std::fs::File::create(&huge).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(said(&huge).starts_with("f: is larger than 8 MiB"), "{}", said(&huge));
    }

    #[test]
    fn a_folder_stands_for_its_flows() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "a.test.yaml", "notes.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut problems = Problems::default();
        let files = flow_files(&[folder.path().to_owned()], &mut problems);
        assert_eq!(files, [folder.path().join("a.yml"), folder.path().join("b.yaml")]);
        assert!(problems.list().is_empty());
    }
}
