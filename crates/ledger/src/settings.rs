//! Where the ledger lies: the key `ledger` of the project file.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use weir_model::settings::{Fields, Localized, Problems};

/// The folder of the SQLite files, beside the project file, unless it says otherwise.
pub const DEFAULT_FOLDER: &str = ".weir/ledger";
const DEFAULT_PROJECTION: &str = "weir_projection";
const DEFAULT_BOOK: &str = "weir_book";

/// Where the ledger lies.
#[derive(Clone, Debug)]
pub enum Settings {
    /// Two SQLite files, `projection.sqlite` and `book.sqlite`, in this folder.
    Sqlite {
        /// The folder; made if it is missing.
        folder: PathBuf,
    },
    /// Two databases of a MySQL or MariaDB server.
    MySql(MySqlServer),
}

/// A MySQL or MariaDB server and the ledger's databases there. Its `Debug` shows no password (invariant 8).
#[derive(Clone)]
pub struct MySqlServer {
    /// Address, login, TLS.
    pub(crate) options: Box<MySqlConnectOptions>,
    /// Name of the projection's database.
    pub projection: String,
    /// Name of the book's database.
    pub book: String,
}

impl fmt::Debug for MySqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlServer")
            .field("server", &self.server())
            .field("projection", &self.projection)
            .field("book", &self.book)
            .finish_non_exhaustive()
    }
}

impl MySqlServer {
    /// Host and port.
    pub(crate) fn server(&self) -> String {
        format!("{}:{}", self.options.get_host(), self.options.get_port())
    }
}

impl Settings {
    /// SQLite files in [`DEFAULT_FOLDER`] beside the project file.
    pub fn beside(folder: &Path) -> Self {
        Self::Sqlite { folder: folder.join(DEFAULT_FOLDER) }
    }

    /// Reads `ledger`, of a project file that stands in `folder`; errors go to `problems`.
    pub fn read(mut fields: Fields<'_>, folder: &Path, problems: &mut Problems) -> Self {
        let path = fields.text("folder", problems);
        let has_server = fields.get("mysql").is_some();
        if has_server && path.is_some() {
            let message = Localized::new(
                "folder 与 mysql 只能写一个",
                "folder and mysql exclude each other: the ledger lies in files or on a server",
            );
            problems.error(fields.path_of("folder"), message);
        }
        let server = has_server.then(|| mysql(fields.mapping("mysql", problems), folder, problems)).flatten();
        fields.finish(problems);
        match server {
            Some(server) => Self::MySql(server),
            None => Self::Sqlite { folder: folder.join(path.as_deref().unwrap_or(DEFAULT_FOLDER)) },
        }
    }
}

fn mysql(mut fields: Fields<'_>, folder: &Path, problems: &mut Problems) -> Option<MySqlServer> {
    let url = fields.required_secret("url", problems);
    let url_path = fields.path_of("url");
    let user = fields.text("user", problems);
    let password = fields.secret("password", problems);
    let modes = [
        ("disabled", Some(MySqlSslMode::Disabled)),
        ("preferred", Some(MySqlSslMode::Preferred)),
        ("required", Some(MySqlSslMode::Required)),
        ("verify-ca", Some(MySqlSslMode::VerifyCa)),
        ("verify-identity", Some(MySqlSslMode::VerifyIdentity)),
    ];
    let mode = fields.choice("tls", &modes, None, problems);
    let authorities = fields.text("tls_ca_file", problems);
    let projection = database(&mut fields, "projection", DEFAULT_PROJECTION, problems);
    let book = database(&mut fields, "book", DEFAULT_BOOK, problems);
    if projection == book {
        let message = Localized::new(
            "projection 与 book 应为两个数据库：重建投影不得触及账簿",
            "projection and book must be two databases: a rebuild of the one never touches the other",
        );
        problems.error(fields.path_of("book"), message);
    }
    fields.finish(problems);
    if url.is_empty() {
        return None;
    }
    // The parser's own error could show parts of the URL, hence of the password (invariant 8).
    let Ok(mut options) = MySqlConnectOptions::from_str(url.expose()) else {
        let message = Localized::new("不是 MySQL 地址", "is no MySQL address");
        let suggestion = Localized::new(
            "写 mysql://用户:密码@主机:3306，密码中的特殊字符用 %XX",
            "write mysql://user:password@host:3306, special characters of the password as %XX",
        );
        problems.error_with(url_path, message, suggestion);
        return None;
    };
    if let Some(user) = user {
        options = options.username(&user);
    }
    if let Some(password) = password {
        options = options.password(password.expose());
    }
    let default = authorities.is_some().then_some(MySqlSslMode::VerifyIdentity);
    if let Some(mode) = mode.or(default) {
        options = options.ssl_mode(mode);
    }
    if let Some(file) = authorities {
        options = options.ssl_ca(folder.join(file));
    }
    Some(MySqlServer { options: Box::new(options), projection, book })
}

/// The name of a database; it stands in statements, so it is checked.
fn database(fields: &mut Fields<'_>, key: &'static str, default: &str, problems: &mut Problems) -> String {
    let name = fields.text(key, problems).unwrap_or_else(|| default.to_owned());
    let is_valid =
        (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_valid {
        let message = Localized::new(
            format!("{name:?} 不能用作数据库名"),
            format!("{name:?} cannot be the name of a database"),
        );
        let suggestion = Localized::new("使用字母、数字和 _", "use letters, digits and _");
        problems.error_with(fields.path_of(key), message, suggestion);
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &serde_json::Value) -> (Settings, Vec<String>) {
        let mut problems = Problems::new("weir.yaml");
        let fields = Fields::of(value, "ledger", &mut problems);
        let settings = Settings::read(fields, Path::new("/p"), &mut problems);
        (settings, problems.list().iter().map(|problem| problem.path.clone()).collect())
    }

    #[test]
    fn without_a_word_it_lies_beside_the_project() {
        let (settings, problems) = read(&json!({}));
        assert!(matches!(settings, Settings::Sqlite { folder } if folder == Path::new("/p/.weir/ledger")));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_server_is_read_and_its_password_shows_nowhere() {
        let (settings, problems) = read(&json!({"mysql": {"url": "mysql://weir:hunter2@db:3307"}}));
        assert!(problems.is_empty(), "{problems:?}");
        let shown = format!("{settings:?}");
        assert!(shown.contains("db:3307") && shown.contains("weir_book"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert_eq!(
            read(&json!({"mysql": {"url": "nowhere"}, "foldr": "x"})).1,
            ["ledger.mysql.url", "ledger.foldr"]
        );
        let same = json!({"mysql": {"url": "mysql://a@b", "projection": "x", "book": "x"}, "folder": "y"});
        assert_eq!(read(&same).1, ["ledger.folder", "ledger.mysql.book"]);
        assert_eq!(read(&json!({"mysql": {"url": "mysql://a@b", "book": "a`b"}})).1, ["ledger.mysql.book"]);
    }
}
