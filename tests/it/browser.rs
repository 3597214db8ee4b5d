//! The owner's page, in a real browser over real nodes: logging in, meeting, talking, voting.
//!
//! What the owners do is in `browser/owners.mjs`; here it gets its nodes and a browser, and the
//! certificate that comes out of the page is checked by the program a stranger would use.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::{
    Node, Setup, World, binaries,
    people::{Person, trusting},
    rest::{Api, text},
    skip,
};
use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell, time::timeout};

use crate::verify::verify;

const TEST: &str = "owners_live_a_day_on_the_page";
/// What a machine needs, in one command.
const INSTALL: &str = "sudo apt-get install --yes chromium nodejs npm";
/// Where pictures of the page go, if they are wanted.
const PICTURES: &str = "CONCLAVE_PICTURES";
/// The whole day, pictures included.
const DAY_MAX: Duration = Duration::from_secs(300);
/// Fetching one small package.
const NPM_MAX: Duration = Duration::from_secs(120);

const SCRIPTS: [&str; 7] = [
    "package.json",
    "package-lock.json",
    "browser.mjs",
    "owners.mjs",
    "approval.mjs",
    "asking.mjs",
    "pictures.mjs",
];

const EMPTY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nEND:VCALENDAR\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_live_a_day_on_the_page() -> anyhow::Result<()> {
    let Some((chromium, scripts)) = ready(TEST).await? else { return Ok(()) };
    let world = World::new()?;
    let calendar = |name: &str| -> anyhow::Result<PathBuf> {
        let file = world.path(format!("{name}.ics"));
        fs::write(&file, EMPTY)?;
        Ok(file)
    };
    let mut friends = Vec::new();
    for name in ["Alice", "Carol", "Dave"] {
        let file = calendar(name)?;
        let setup = Setup::default();
        let mut settings = trusting();
        settings["zone"] = "Europe/London".into();
        let person = Person::with_calendar(&world, name, setup, &file, settings).await?;
        if let Some(alice) = friends.first() {
            person.meet(alice).await?;
        }
        friends.push(person);
    }
    // Bob has a node and nothing else; the rest he does on the page.
    let bob = Node::start(&world, "bob", Setup::default()).await?;
    let bobs_calendar = calendar("Bob")?;
    let certificate = world.path("certificate.json");
    let given = json!({
        "chromium": chromium,
        "alice": door(friends[0].api(), Some(&friends[0].node)).await?,
        "bob": door(bob.api(), Some(&bob)).await?,
        "calendar": bobs_calendar,
        "carol": door(friends[1].api(), None).await?,
        "dave": door(friends[2].api(), None).await?,
        "certificate": certificate,
        "pictures": std::env::var_os(PICTURES).map(PathBuf::from),
    });
    let told = run(&scripts.join("owners.mjs"), &given).await?;

    let trust: Vec<&str> =
        told["trust"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(trust.len() == 4, "the page names the four voters: {told}");
    for person in &friends {
        ensure!(trust.contains(&person.did.as_str()), "{} is no voter: {told}", person.name);
    }
    let verdict = verify(&certificate, &trust).await?;
    ensure!(verdict.code == 0, "{verdict:?}");
    ensure!(verdict.output.contains("Trattoria Rosa"), "{verdict:?}");
    // Without keys nobody vouches for the voters.
    ensure!(verify(&certificate, &[]).await?.code == 2);
    // What the page's list is made of: the last line said, and where the question was put.
    let alice = &friends[0];
    let conversation = text(&told, "conversation")?;
    let view = alice.get(&format!("/v1/conversations/{conversation}")).await?;
    let messages = alice.messages(&conversation).await?;
    let last = messages.iter().rfind(|message| message["kind"] == "text");
    let last = last.context("much was said")?;
    ensure!(view["last_message"]["id"] == last["id"], "{view}");
    ensure!(view["last_message"]["text"] == last["text"], "{view}");
    let newest = messages.last().context("much was said")?;
    ensure!(view["last_activity"] == newest["committed_at"], "{view}");
    let asked: Vec<_> = messages.iter().filter(|m| m["kind"] == "proposal").collect();
    ensure!(asked.len() == 2, "{asked:?}");
    ensure!(asked[1]["proposal"] == told["proposal"], "{asked:?}");
    // Bob's word let his persona book, which he gave on the page.
    let booked = fs::read_to_string(&bobs_calendar)?;
    ensure!(booked.matches("BEGIN:VEVENT").count() == 1, "{booked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_approve_and_the_one_who_is_late_is_told() -> anyhow::Result<()> {
    let Some((chromium, scripts)) = ready("five_approve_and_the_one_who_is_late_is_told").await?
    else {
        return Ok(());
    };
    let world = World::new()?;
    let mut people = Vec::new();
    for name in ["Alice", "Bob", "Carol", "Dave", "Erin"] {
        let person = Person::new(&world, name, Setup::default()).await?;
        if let Some(host) = people.first() {
            person.meet(host).await?;
        }
        people.push(person);
    }
    let guests: Vec<&Person> = people[1..].iter().collect();
    let conversation = people[0].open(&guests, Some("Five")).await?;
    let certificate = world.path("certificate.json");
    let mut doors = Vec::new();
    for person in &people {
        // Two of them sit before a page.
        let node = Some(&person.node).filter(|_| ["Alice", "Bob"].contains(&&*person.name));
        doors.push(door(person.api(), node).await?);
    }
    let given = json!({
        "chromium": chromium,
        "conversation": conversation,
        "doors": doors,
        "certificate": certificate,
        "pictures": std::env::var_os(PICTURES).map(PathBuf::from),
    });
    let told = run(&scripts.join("approval.mjs"), &given).await?;

    let trust: Vec<&str> = people.iter().map(|person| person.did.as_str()).collect();
    let verdict = verify(&certificate, &trust).await?;
    ensure!(verdict.code == 0, "{verdict:?}");
    ensure!(verdict.output.contains("Picnic in the park"), "{verdict:?}");
    ensure!(verdict.output.contains("4 of 5"), "{verdict:?}");
    // The file of the page is the file of the node, and the late one has the same decision.
    let proposal = text(&told, "proposal")?;
    let file = fs::read_to_string(&certificate)?;
    ensure!(file == people[0].certificate(&proposal).await?);
    let digest = |file: &str| -> anyhow::Result<String> {
        text(&serde_json::from_str::<Value>(file)?, "digest")
    };
    ensure!(digest(&file)? == digest(&people[1].certificate(&proposal).await?)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ask_without_deciding_vote_in_secret_and_sign_a_mandate() -> anyhow::Result<()> {
    let test = "two_ask_without_deciding_vote_in_secret_and_sign_a_mandate";
    let Some((chromium, scripts)) = ready(test).await? else { return Ok(()) };
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let conversation = alice.open(&[&bob], Some("Two")).await?;
    let certificate = world.path("certificate.json");
    let doors =
        [door(alice.api(), Some(&alice.node)).await?, door(bob.api(), Some(&bob.node)).await?];
    let given = json!({
        "chromium": chromium,
        "conversation": conversation,
        "doors": doors,
        "certificate": certificate,
        "pictures": std::env::var_os(PICTURES).map(PathBuf::from),
    });
    let told = run(&scripts.join("asking.mjs"), &given).await?;
    let verdict = verify(&certificate, &[&alice.did, &bob.did]).await?;
    ensure!(verdict.code == 0, "{verdict:?}");
    ensure!(verdict.output.contains("buy the boat"), "{verdict:?}");
    // It was taken back on the page.
    let words = text(&told, "mandate")?;
    let mandates = bob.get(&format!("/v1/personas/{}/mandates", bob.did)).await?;
    let signed: Vec<_> = mandates["mandates"].as_array().into_iter().flatten().collect();
    ensure!(signed.len() == 1 && signed[0]["state"] == "revoked", "{words}: {mandates}");
    Ok(())
}

/// How the scripts reach a node, with a login link as `conclave login` prints it where a page is
/// to be opened.
async fn door(api: &Api, node: Option<&Node>) -> anyhow::Result<Value> {
    let mut door = json!({ "base": api.base(), "token": api.token() });
    if let Some(node) = node {
        let mut login = binaries::command(binaries::conclave()?);
        let output = login.args(["login", "--data-dir"]).arg(node.data()).output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout)?;
        let link = printed.split_whitespace().find(|word| word.contains("#login="));
        door["link"] = link.with_context(|| format!("no link in {printed}"))?.into();
    }
    Ok(door)
}

/// A browser and the scripts for it; none when the test is skipped.
async fn ready(test: &str) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    // Once for all tests: two that install at the same time spoil it for each other.
    static CHROMIUM: OnceCell<Option<PathBuf>> = OnceCell::const_new();
    static SCRIPTS: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
    let chromium = CHROMIUM.get_or_init(chromium).await.clone();
    let Some(chromium) = chromium.filter(|_| skip::has("node") && skip::has("npm")) else {
        skip::skipped(test, INSTALL)?;
        return Ok(None);
    };
    let scripts = async || scripts().await.map_err(|error| format!("{error:#}"));
    match SCRIPTS.get_or_init(scripts).await.clone() {
        Ok(scripts) => Ok(Some((chromium, scripts))),
        Err(error) => {
            eprintln!("{error}");
            skip::skipped(test, "npm ci --prefix target/browser, with a network")?;
            Ok(None)
        }
    }
}

/// Runs what the owners do and returns its last line.
async fn run(script: &Path, given: &Value) -> anyhow::Result<Value> {
    let mut child = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("node")?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    stdin.write_all(given.to_string().as_bytes()).await?;
    drop(stdin);
    let output =
        timeout(DAY_MAX, child.wait_with_output()).await.context("the day is too long")??;
    let told = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}\n{error}");
    println!("{told}");
    let last = told.lines().last().context("the script said nothing")?;
    serde_json::from_str(last).with_context(|| format!("the last line of\n{told}"))
}

/// The browser, installed first where we may.
async fn chromium() -> Option<PathBuf> {
    let found = || {
        let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        known.into_iter().map(PathBuf::from).find(|path| path.is_file())
    };
    let missing = found().is_none() || !skip::has("node") || !skip::has("npm");
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if missing && is_root && skip::has("apt-get") {
        let mut command = Command::new("apt-get");
        command.args(["install", "--yes", "--no-install-recommends", "chromium", "nodejs", "npm"]);
        // Whether it worked is looked at below.
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    }
    found()
}

/// A folder outside the source tree with the scripts and the one package they need.
async fn scripts() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("cannot find the running test")?;
    // <target>/<profile>/deps/<test>
    let target = test.ancestors().nth(3).context("the test is not in a target folder")?;
    let folder = target.join("browser");
    fs::create_dir_all(&folder)?;
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/browser"));
    let lock = fs::read(source.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed");
    let installed = fs::read(&stamp).is_ok_and(|bytes| bytes == lock);
    for script in SCRIPTS {
        fs::copy(source.join(script), folder.join(script)).context(script)?;
    }
    if !installed {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        let output = npm.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(NPM_MAX, output).await.context("npm takes too long")??;
        ensure!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(&stamp, lock)?;
    }
    Ok(folder)
}
