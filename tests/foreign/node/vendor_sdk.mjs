// A self client's job on the vendor's official Node SDK. Usage: node vendor_sdk.mjs STEP FILE
// FILE is JSON: api_domain, issuer, client_id, client_secret, code, folder. `begin` spends the grant token and works
// with records; `resume`, in a process of its own, lives on the stored refresh token, whose access token has ended.
// Prints one JSON object, last.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as sdk from "@zohocrm/nodejs-sdk-8.0";

const [step, file] = process.argv.slice(2);
const told = JSON.parse(readFileSync(file, "utf8"));
const tokenFile = `${told.folder}/tokens.csv`;
const resources = `${told.folder}/resources`;

async function initialize(token) {
  mkdirSync(resources, { recursive: true });
  const environment = sdk.DataCenter.setEnvironment(
    told.api_domain,
    `${told.issuer}/oauth/v2/token`,
    told.api_domain,
  );
  const builder = await new sdk.InitializeBuilder();
  await builder
    .environment(environment)
    .token(token)
    .store(new sdk.FileStore(tokenFile))
    .resourcePath(resources)
    .initialize();
}

function stored() {
  const [names, row] = readFileSync(tokenFile, "utf8").trim().split("\n").map((line) => line.split(","));
  return Object.fromEntries(names.map((name, at) => [name, row[at]]));
}

async function lastNames() {
  const query = new sdk.ParameterMap();
  await query.add(sdk.Record.GetRecordsParam.FIELDS, "Last_Name,Company");
  const answer = await new sdk.Record.RecordOperations("Leads").getRecords(query);
  return answer.getObject().getData().map((record) => record.getKeyValue("Last_Name"));
}

async function begin() {
  await initialize(
    new sdk.OAuthBuilder().clientId(told.client_id).clientSecret(told.client_secret).grantToken(told.code).build(),
  );
  const who = new sdk.ParameterMap();
  await who.add(sdk.Users.GetUsersParam.TYPE, "CurrentUser");
  const user = (await new sdk.Users.UsersOperations().getUsers(who)).getObject().getUsers()[0];
  const operations = new sdk.Record.RecordOperations("Leads");
  const lead = new sdk.Record.Record();
  lead.addKeyValue("Last_Name", "Node");
  lead.addKeyValue("Company", "Vendor & Söhne");
  const body = new sdk.Record.BodyWrapper();
  body.setData([lead]);
  const created = await operations.createRecords(body);
  const id = created.getObject().getData()[0].getDetails().get("id");
  const listed = await lastNames();
  const deletion = new sdk.ParameterMap();
  await deletion.add(sdk.Record.DeleteRecordsParam.IDS, String(id));
  const deleted = await operations.deleteRecords(deletion);
  return {
    email: user.getEmail(),
    created: created.getStatusCode(),
    listed,
    deleted: deleted.getObject().getData()[0].getStatus().getValue(),
    stored: stored(),
  };
}

async function resume() {
  const before = stored();
  const ended = { ...before, expiry_time: "1000" };
  writeFileSync(tokenFile, `${Object.keys(ended).join(",")}\n${Object.values(ended).join(",")}\n`);
  await initialize(new sdk.OAuthBuilder().id(before.id).build());
  return { listed: await lastNames(), before, stored: stored() };
}

console.log(JSON.stringify(await { begin, resume }[step]()));
