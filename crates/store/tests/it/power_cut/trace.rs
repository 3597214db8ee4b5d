//! What a process did to a folder, call by call, as `strace` saw it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

use crate::lanes;

/// Everything that changes files or names, makes them durable, or tells the parent something.
/// SQLite also writes through a mapping, but only to its `-shm` file, which it builds anew.
pub(super) const CALLS: &str = "openat,write,writev,pwrite64,pwritev,ftruncate,fallocate,lseek,\
     fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,\
     syncfs,sync";

/// One thing that happened. Calls that failed are left out.
#[derive(Debug)]
pub(super) enum Step {
    /// A file was opened; it was created if there was none, and emptied if that was asked for.
    Open { path: PathBuf, truncate: bool },
    /// Bytes were written.
    Write { path: PathBuf, at: usize, data: Vec<u8> },
    /// A file got another length.
    Resize { path: PathBuf, len: usize },
    /// A flush of a file or folder was asked for; `ticket` is that of its end.
    FlushBegins { path: PathBuf, ticket: usize },
    /// It succeeded: what was written before it began is durable.
    FlushEnds { ticket: usize },
    /// A file got another name.
    Rename { from: PathBuf, to: PathBuf },
    /// A name is gone.
    Remove { path: PathBuf },
    /// A folder was created.
    CreateFolder { path: PathBuf },
    /// The child said that a batch is safe.
    Acknowledged { lane: usize, n: u64 },
}

/// A call that had not returned when another thread's was noted.
struct Unfinished {
    name: String,
    arguments: Vec<u8>,
    ticket: usize,
}

/// Reads the output of `strace -f -y -xx`.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Step>> {
    let mut reader = Reader::default();
    let mut lines = BufReader::new(File::open(file)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let shown = || String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
        reader.line(line.trim_ascii_end()).with_context(shown)?;
        line.clear();
    }
    Ok(reader.steps)
}

#[derive(Default)]
struct Reader {
    steps: Vec<Step>,
    unfinished: BTreeMap<Vec<u8>, Unfinished>,
    /// Where the next `write` to a descriptor goes.
    positions: BTreeMap<usize, usize>,
    tickets: usize,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let space = find(line, b" ").context("no process")?;
        let (thread, rest) = (line[..space].to_vec(), line[space..].trim_ascii_start());
        if rest.starts_with(b"+++") || rest.starts_with(b"---") {
            return Ok(());
        }
        if rest.starts_with(b"<... ") {
            let call = self.unfinished.remove(&thread).context("resumes what never began")?;
            let tail = &rest[find(rest, b"resumed>").context("not resumed")? + 8..];
            let arguments = [&call.arguments[..], tail].concat();
            return self.ends(&call.name, &arguments, call.ticket);
        }
        let open = find(rest, b"(").context("no call")?;
        let name = String::from_utf8(rest[..open].to_vec())?;
        self.tickets += 1;
        let ticket = self.tickets;
        if matches!(&*name, "fsync" | "fdatasync") {
            let path = descriptor(&rest[open + 1..])?.1;
            // Flushes of files without a name concern nobody.
            self.steps.extend(path.map(|path| Step::FlushBegins { path, ticket }));
        }
        match rest.strip_suffix(b"<unfinished ...>") {
            Some(rest) => {
                let arguments = rest[open + 1..].trim_ascii_end().to_vec();
                self.unfinished.insert(thread, Unfinished { name, arguments, ticket });
                Ok(())
            }
            None => self.ends(&name, &rest[open + 1..], ticket),
        }
    }

    /// A call has returned: `call` is its arguments and what it returned.
    fn ends(&mut self, name: &str, call: &[u8], ticket: usize) -> anyhow::Result<()> {
        let Some(equals) = rfind(call, b" = ") else { bail!("no result") };
        let (arguments, result) = (&call[..equals], &call[equals + 3..]);
        if result.starts_with(b"-1") || result.starts_with(b"?") {
            return Ok(());
        }
        let step = match name {
            "openat" => {
                let (number, path) = descriptor(result)?;
                self.positions.insert(number, 0);
                let has = |flag| find(arguments, flag).is_some();
                let writes = has(b"O_RDWR") || has(b"O_WRONLY");
                ensure!(!has(b"O_APPEND") || !writes, "appends are not followed");
                match path {
                    Some(path) if writes => Step::Open { path, truncate: has(b"O_TRUNC") },
                    _ => return Ok(()),
                }
            }
            "lseek" => {
                let (number, _) = descriptor(arguments)?;
                self.positions.insert(number, count(result)?);
                return Ok(());
            }
            "write" | "pwrite64" => {
                let (number, path) = descriptor(arguments)?;
                let written = count(result)?;
                let mut data = strings(arguments)?.pop().context("no data")?;
                ensure!(data.len() >= written, "data cut short by strace");
                data.truncate(written);
                if number == 1 {
                    let said = String::from_utf8_lossy(&data).into_owned();
                    match lanes::acknowledgement(said.trim_end()) {
                        Some((lane, n)) => Step::Acknowledged { lane, n },
                        None => return Ok(()),
                    }
                } else {
                    let at = match name {
                        "pwrite64" => last_number(arguments)?,
                        _ => {
                            let position = self.positions.entry(number).or_default();
                            *position += written;
                            *position - written
                        }
                    };
                    let Some(path) = path else { return Ok(()) };
                    Step::Write { path, at, data }
                }
            }
            "ftruncate" => match descriptor(arguments)?.1 {
                Some(path) => Step::Resize { path, len: last_number(arguments)? },
                None => return Ok(()),
            },
            "fsync" | "fdatasync" => Step::FlushEnds { ticket },
            "rename" | "renameat" | "renameat2" => {
                let [from, to] = paths(arguments)?.try_into().ok().context("two names")?;
                Step::Rename { from, to }
            }
            "unlink" | "rmdir" | "unlinkat" => {
                let name = paths(arguments)?.pop().context("no name")?;
                // `unlinkat` may name a file relative to an open folder.
                let folder = if name.is_relative() { descriptor(arguments)?.1 } else { None };
                Step::Remove { path: folder.unwrap_or_default().join(name) }
            }
            "mkdir" | "mkdirat" => {
                Step::CreateFolder { path: paths(arguments)?.pop().context("no name")? }
            }
            other => bail!("{other} is not followed"),
        };
        self.steps.push(step);
        Ok(())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn rfind(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).rposition(|window| window == wanted)
}

/// `5<\x2f\x74..>`: the number, and the path unless the file has lost its name or is none.
fn descriptor(text: &[u8]) -> anyhow::Result<(usize, Option<PathBuf>)> {
    let open = find(text, b"<").context("no descriptor")?;
    let close = open + find(&text[open..], b">").context("no descriptor")?;
    let path = PathBuf::from(OsString::from_vec(unescaped(&text[open + 1..close])?));
    let named = path.is_absolute() && !text[close + 1..].starts_with(b"(deleted)");
    Ok((count(&text[..open])?, named.then_some(path)))
}

/// The strings among the arguments.
fn strings(text: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    // Everything inside quotes is hexadecimal, so quotes only begin and end strings.
    let inside = text.split(|byte| *byte == b'"').skip(1).step_by(2);
    inside.map(unescaped).collect()
}

fn paths(text: &[u8]) -> anyhow::Result<Vec<PathBuf>> {
    Ok(strings(text)?.into_iter().map(|path| OsString::from_vec(path).into()).collect())
}

/// The bytes of `\x2f\x74`.
fn unescaped(text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(4)
        .map(|chunk| match chunk {
            [b'\\', b'x', high, low] => {
                digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        })
        .collect::<Option<_>>()
        .context("not hexadecimal")
}

/// The number at the start.
fn count(text: &[u8]) -> anyhow::Result<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Ok(std::str::from_utf8(&text[..digits])?.parse()?)
}

/// The number that is the last argument.
fn last_number(text: &[u8]) -> anyhow::Result<usize> {
    let comma = rfind(text, b", ").context("no arguments")?;
    count(&text[comma + 2..])
}
