//! A program's token: made on the command line, used within its scopes, named in the audit log,
//! and gone at once when it is revoked.

use anyhow::{Context, ensure};
use serde_json::json;
use tests::{
    Setup, World, binaries,
    people::Person,
    rest::{Api, items},
};

async fn conclave(person: &Person, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = binaries::command(binaries::conclave()?);
    command.args(arguments).arg("--data-dir").arg(person.node.data());
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_acts_in_its_own_name_until_it_may_no_more() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let token = conclave(&alice, &["token", "create", "bot", "--scope", "read"]).await?;
    let admin = conclave(&alice, &["token", "create", "boss", "--scope", "admin"]).await?;
    let listed = conclave(&alice, &["token", "list"]).await?;
    ensure!(listed.contains("bot") && !listed.contains(&token), "{listed}");
    let file = std::fs::read_to_string(alice.node.data().join("api-grants.json"))?;
    ensure!(!file.contains(&token) && !file.contains(&admin), "the file holds hashes only");

    // It outlives the start that made it, unlike the owner's own token.
    alice.node.kill().await?;
    alice.node.run().await?;
    let bot = Api::new(alice.api().base(), &token, false)?;
    let boss = Api::new(alice.api().base(), &admin, false)?;
    bot.get("/v1/personas").await?.ok()?;
    let invite = json!({ "persona": alice.did });
    let refused = bot.post("/v1/invites", invite.clone()).await?;
    ensure!(refused.status == 403 && refused.text.contains("scope admin"), "{}", refused.text);
    boss.post("/v1/invites", invite).await?.ok()?;
    let audit = alice.get("/v1/audit").await?;
    // The persona's own entry says what it did, this one who asked for it.
    let made = items(&audit, "entries").find(|entry| entry["by"] == "token \"boss\"");
    let made = made.context("the invite is in the audit log")?;
    ensure!(made["action"] == "invite.created" && made["detail"] == "Alice", "{made:#}");
    let tokens = items(&audit, "entries").filter(|entry| entry["action"] == "token.created");
    ensure!(tokens.filter(|entry| entry["by"] == "the owner's token").count() == 2, "{audit:#}");

    conclave(&alice, &["token", "revoke", "bot"]).await?;
    ensure!(bot.get("/v1/personas").await?.status == 401);
    boss.get("/v1/personas").await?.ok()?;
    Ok(())
}
