// Sends the requests of a Postman collection one after the other: variables, urlencoded bodies, and scripts after an answer.
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const collection = JSON.parse(readFileSync(process.argv[2]));
const variables = new Map(collection.variable.map(({ key, value }) => [key, value]));
const fill = (text) => text.replace(/{{(\w+)}}/g, (whole, name) => variables.get(name) ?? whole);
for (const { name, request, event = [] } of collection.item) {
  const response = await fetch(fill(request.url.raw), {
    method: request.method,
    headers: Object.fromEntries((request.header ?? []).map(({ key, value }) => [key, fill(value)])),
    body: request.body && new URLSearchParams(request.body.urlencoded.map(({ key, value }) => [key, fill(value)])),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${name}: ${response.status} ${text}`);
  console.log(JSON.stringify({ name, answer: JSON.parse(text) }));
  const pm = { response: { json: () => JSON.parse(text) }, collectionVariables: { set: (key, value) => variables.set(key, value) } };
  for (const { listen, script } of event) if (listen === "test") runInNewContext(script.exec.join("\n"), { pm });
}
