// Every module, files and bulk jobs on the vendor's official SDKs for Node and for TypeScript, which are alike.
// Usage: node vendor_bulk.mjs PACKAGE FILE. FILE is JSON: api_domain, issuer, client_id, client_secret, code, folder,
// auto. Downloads are written to the folder. Prints one JSON object, last.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [name, file] = process.argv.slice(2);
const told = JSON.parse(readFileSync(file, "utf8"));
const sdk = await import(name);
const RECORDS = {
  Leads: { Last_Name: "Bulk", Company: "Øre & Co", No_of_Employees: 7 },
  Contacts: { Last_Name: "Bulk", Email: `bulk.${process.pid}@example.com` },
  Products: { Product_Name: "Stool", Unit_Price: 12.5, Product_Active: true },
};

async function initialize() {
  const resources = `${told.folder}/resources`;
  mkdirSync(resources, { recursive: true });
  const place = [told.api_domain, `${told.issuer}/oauth/v2/token`, told.api_domain];
  const isTypeScript = !sdk.DataCenter.setEnvironment;
  const environment = isTypeScript ? new sdk.Environment(...place) : sdk.DataCenter.setEnvironment(...place);
  const token = new sdk.OAuthBuilder()
    .clientId(told.client_id)
    .clientSecret(told.client_secret)
    .grantToken(told.code)
    .build();
  const builder = await new sdk.InitializeBuilder();
  await builder
    .environment(environment)
    .token(token)
    .store(new sdk.FileStore(`${told.folder}/tokens.csv`))
    .SDKConfig(new sdk.SDKConfigBuilder().autoRefreshFields(told.auto).build())
    .resourcePath(resources)
    .initialize();
}

async function recordOf(module, values) {
  const operations = new sdk.Record.RecordOperations(module);
  const record = new sdk.Record.Record();
  for (const [field, value] of Object.entries(values)) record.addKeyValue(field, value);
  const body = new sdk.Record.BodyWrapper();
  body.setData([record]);
  const created = await operations.createRecords(body);
  const id = created.getObject().getData()[0].getDetails().get("id");
  const query = new sdk.ParameterMap();
  await query.add(sdk.Record.GetRecordsParam.FIELDS, Object.keys(values).join(","));
  const listed = (await operations.getRecords(query)).getObject().getData();
  const found = listed.find((one) => String(one.getId()) === String(id));
  const deletion = new sdk.ParameterMap();
  await deletion.add(sdk.Record.DeleteRecordsParam.IDS, String(id));
  const deleted = (await operations.deleteRecords(deletion)).getObject().getData()[0];
  return {
    status: created.getStatusCode(),
    read: Object.fromEntries(Object.keys(values).map((field) => [field, found.getKeyValue(field)])),
    deleted: deleted.getStatus().getValue(),
  };
}

async function keep(target, answer) {
  const download = await answer.getObject(); // of a file, the SDK for Node gives a promise
  writeFileSync(`${told.folder}/${target}`, download.getFile().getStream());
}

async function files() {
  writeFileSync(`${told.folder}/page.html`, "<script>alert(1)</script>");
  const body = new sdk.Files.BodyWrapper();
  body.setFile([new sdk.StreamWrapper(null, null, `${told.folder}/page.html`)]);
  const uploaded = (await new sdk.Files.FilesOperations().uploadFiles(body, new sdk.ParameterMap())).getObject();
  const query = new sdk.ParameterMap();
  await query.add(sdk.Files.GetFileParam.ID, uploaded.getData()[0].getDetails().get("id"));
  await keep("downloaded.html", await new sdk.Files.FilesOperations().getFile(query));
}

async function ended(look) {
  for (let tries = 0; tries < 600; tries += 1) {
    const [job, state] = await look();
    if (!["ADDED", "IN PROGRESS"].includes(state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the job did not end");
}

async function bulkWrite(zgid) {
  const operations = new sdk.BulkWrite.BulkWriteOperations();
  const upload = new sdk.BulkWrite.FileBodyWrapper();
  upload.setFile(new sdk.StreamWrapper(null, null, `${told.folder}/leads.zip`));
  const headers = new sdk.HeaderMap();
  await headers.add(sdk.BulkWrite.UploadFileHeader.FEATURE, "bulk-write");
  await headers.add(sdk.BulkWrite.UploadFileHeader.X_CRM_ORG, zgid);
  const uploaded = (await operations.uploadFile(upload, headers)).getObject();
  const module = new sdk.Modules.MinifiedModule();
  module.setAPIName("Leads");
  const mapping = new sdk.BulkWrite.FieldMapping();
  mapping.setAPIName("Last_Name");
  mapping.setIndex(0);
  const resource = new sdk.BulkWrite.Resource();
  resource.setType(new sdk.Choice("data"));
  resource.setModule(module);
  resource.setFileId(String(uploaded.getDetails().get("file_id")));
  resource.setFieldMappings([mapping]);
  const request = new sdk.BulkWrite.RequestWrapper();
  request.setOperation(new sdk.Choice("insert"));
  request.setResource([resource]);
  const started = (await operations.createBulkWriteJob(request)).getObject();
  const id = started.getDetails().get("id");
  const job = await ended(async () => {
    const one = (await operations.getBulkWriteJobDetails(id)).getObject();
    return [one, one.getStatus()];
  });
  await keep("written.zip", await operations.downloadBulkWriteResult(job.getResult().getDownloadUrl()));
  const counts = job.getResource()[0].getFile();
  return { status: job.getStatus(), added: counts.getAddedCount(), total: counts.getTotalCount() };
}

async function bulkRead() {
  const operations = new sdk.BulkRead.BulkReadOperations();
  const module = new sdk.Modules.MinifiedModule();
  module.setAPIName("Leads");
  const query = new sdk.BulkRead.Query();
  query.setModule(module);
  query.setFields(["Last_Name"]);
  query.setPage(1);
  const body = new sdk.BulkRead.BodyWrapper();
  body.setQuery(query);
  const started = (await operations.createBulkReadJob(body)).getObject().getData()[0];
  const id = started.getDetails().get("id");
  const job = await ended(async () => {
    const one = (await operations.getBulkReadJobDetails(BigInt(id))).getObject().getData()[0];
    return [one, one.getState().getValue()];
  });
  await keep("read.zip", await operations.downloadResult(BigInt(id)));
  return { state: job.getState().getValue(), count: job.getResult().getCount() };
}

async function tidyUp() {
  const operations = new sdk.Record.RecordOperations("Leads");
  const query = new sdk.ParameterMap();
  await query.add(sdk.Record.GetRecordsParam.FIELDS, "Last_Name");
  const listed = (await operations.getRecords(query)).getObject().getData();
  const ours = listed.filter((one) => one.getKeyValue("Last_Name").startsWith("Node "));
  const deletion = new sdk.ParameterMap();
  await deletion.add(sdk.Record.DeleteRecordsParam.IDS, ours.map((one) => String(one.getId())).join(","));
  return (await operations.deleteRecords(deletion)).getObject().getData().length;
}

await initialize();
const who = new sdk.ParameterMap();
await who.add(sdk.Users.GetUsersParam.TYPE, "CurrentUser");
const user = (await new sdk.Users.UsersOperations().getUsers(who)).getObject().getUsers()[0];
const org = (await new sdk.Org.OrgOperations().getOrganization()).getObject().getOrg()[0];
const records = {};
for (const [module, values] of Object.entries(RECORDS)) records[module] = await recordOf(module, values);
await files();
const write = await bulkWrite(String(org.getZgid()));
const read = await bulkRead();
const tidied = await tidyUp();
console.log(JSON.stringify({ email: user.getEmail(), records, write, read, tidied }));
